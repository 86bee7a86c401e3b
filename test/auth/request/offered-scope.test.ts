import t from 'tap'
import { isGiven, offeredNow } from '../../../src/auth/request/offered-scope.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria } from '../../../src/search/parse.ts'

const registry = loadRegistry()
const rules = {
  registry,
  parseCriteria: (...[type, query]: [Parameters<typeof parseCriteria>[1], string]) =>
    parseCriteria(registry, type, query, { isOfItself: true }),
}

t.test('a person gives what was offered or less of it, and nothing beside', async t => {
  const offered = ['openid', 'patient/Observation.rs', 'patient/Patient.r', 'offline_access']
  for (const word of [...offered, 'patient/Observation.r', 'patient/Observation.rs?code=http://loinc.org|8867-4'])
    t.equal(isGiven(word, offered, rules), true, word)
  for (const word of [
    'launch',
    'fhirUser',
    'patient/Observation.cruds',
    'patient/Condition.rs',
    'patient/*.rs',
    'user/Observation.rs',
    'system/Observation.rs',
    'patient/Patient.rs',
    'patient/Observation.rs?colour=red',
    'patient/Observation.rs?code=a"b',
    'nonsense',
    '',
  ])
    t.equal(isGiven(word, offered, rules), false, word)
})

t.test('what was taken from an app while somebody makes up their mind is offered no more', async t => {
  const words = ['openid', 'patient/Patient.rs', 'user/Patient.rs', 'user/Observation.rs']
  t.strictSame(offeredNow(words, { scope: 'user/Patient.r' }), ['openid', 'patient/Patient.rs', 'user/Patient.r'])
  t.strictSame(offeredNow(words, { scope: '' }), ['openid', 'patient/Patient.rs'])
})
