import fc from 'fast-check'
import t from 'tap'
import { parseScope, parseScopes } from '../../src/access/scope.ts'
import { isScopeWithin, limitScopes } from '../../src/access/scope-limit.ts'

const limit = (asked: string, allowed: string) => limitScopes(asked.split(' '), parseScopes(allowed)).join(' ')

t.test('a scope that is allowed completely stays as written; of any other, the allowed parts remain', async t => {
  const table: readonly (readonly [asked: string, allowed: string, left: string])[] = [
    ['system/Observation.read', 'system/*.rs', 'system/Observation.read'],
    ['system/*.rs', 'system/Observation.rs system/Patient.r', 'system/Observation.rs system/Patient.r'],
    ['system/*.cruds', 'system/Observation.rs', 'system/Observation.rs'],
    ['system/Observation.rs', 'system/Patient.rs', ''],
    ['user/Observation.rs', 'system/Observation.rs', ''],
    ['system/Observation.cud', 'system/Observation.rs', ''],
    ['system/Observation.rs?code=a', 'system/Observation.rs', 'system/Observation.rs?code=a'],
    ['system/Observation.rs', 'system/Observation.r?code=a', 'system/Observation.r?code=a'],
    ['system/Observation.rs?code=a', 'system/Observation.rs?status=b', 'system/Observation.rs?code=a&status=b'],
    ['system/Observation.rs?code=a', 'system/Observation.rs?code=b', 'system/Observation.rs?code=a&code=b'],
    ['system/Observation.dus openid', 'system/*.cruds', ''],
    ['system/Observation.rs system/Observation.rs', 'system/*.cruds', 'system/Observation.rs'],
  ]
  for (const [asked, allowed, left] of table) t.equal(limit(asked, allowed), left, `${asked} within ${allowed}`)
})

t.test('a patient’s wildcard leads to nothing that it does not include', async t => {
  const table: readonly (readonly [asked: string, allowed: string, left: string])[] = [
    ['patient/Consent.cruds', 'patient/*.cruds', 'patient/Consent.rs'],
    ['patient/*.cruds', 'patient/Consent.cruds', 'patient/Consent.rs'],
    ['patient/Observation.cruds', 'patient/*.cruds', 'patient/Observation.cruds'],
    ['patient/Organization.r', 'patient/*.rs', ''],
    ['patient/Consent.cruds', 'patient/Consent.cruds', 'patient/Consent.cruds'],
    ['user/Organization.r', 'user/*.rs', 'user/Organization.r'],
  ]
  for (const [asked, allowed, left] of table) t.equal(limit(asked, allowed), left, `${asked} within ${allowed}`)
})

const scopeText = fc
  .record({
    context: fc.constantFrom('patient', 'user', 'system'),
    type: fc.constantFrom('*', 'Observation', 'Patient', 'Consent', 'Organization'),
    letters: fc.constantFrom('r', 'rs', 's', 'cud', 'cruds'),
    query: fc.constantFrom('', '?code=a', '?code=b&status=c'),
  })
  .map(({ context, type, letters, query }) => `${context}/${type}.${letters}${query}`)

t.test(
  'the result is within both what was asked for and what is allowed, and limiting it again changes nothing',
  async t => {
    fc.assert(
      fc.property(fc.array(scopeText, { maxLength: 4 }), fc.array(scopeText, { maxLength: 4 }), (asked, allowed) => {
        const left = limitScopes(asked, parseScopes(allowed.join(' ')))
        const isIn = (word: string, limits: readonly string[]) =>
          limits.some(limit => isScopeWithin(parseScope(word) as never, parseScope(limit) as never))
        return (
          left.every(word => isIn(word, asked) && isIn(word, allowed)) &&
          limitScopes(left, parseScopes(allowed.join(' '))).join() === left.join()
        )
      }),
    )
    t.pass()
  },
)
