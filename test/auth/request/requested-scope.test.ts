import { errors } from 'oidc-provider'
import t from 'tap'
import { parseScope, type Scope } from '../../../src/access/scope.ts'
import {
  needsPatient,
  type ScopeRules,
  scopeRefusal,
  scopesOfBackend,
  scopesOfPerson,
} from '../../../src/auth/request/requested-scope.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria } from '../../../src/search/parse.ts'
import type { RegisteredClient } from '../../../src/storage/authorization/client-registration.ts'

const registry = loadRegistry()
const rules: ScopeRules = {
  registry,
  codeClasses: openCodeClasses(),
  parseCriteria: (type, query) => parseCriteria(registry, type, query, { isOfItself: true }),
}
const client = (scope: string) => ({ scope }) as RegisteredClient
const refusalOf = (ask: () => unknown): string => {
  try {
    ask()
  } catch (error) {
    if (error instanceof errors.InvalidScope) return error.error_description ?? ''
    throw error
  }
  return 'granted'
}
const asked = (text: string, approved = '') => scopesOfPerson(text, client(approved), rules).join(' ')

t.test('of what an app asks a person for, what can give it anything is left, in its order and once', async t => {
  t.equal(
    asked('launch/patient openid  patient/Nothing.rs patient/*.rs patient/*.rs offline_access nonsense'),
    'launch/patient openid patient/*.rs offline_access',
  )
  const context = 'openid fhirUser launch launch/patient offline_access online_access'
  t.equal(asked(context), context)
  t.equal(asked('system/Patient.rs patient/Patient.r'), 'patient/Patient.r', 'what a service has for itself')
})

t.test('user/ scopes are left as far as the client is approved for them as user/ scopes', async t => {
  t.equal(asked('user/*.rs patient/Patient.r', ''), 'patient/Patient.r')
  t.equal(asked('user/*.cruds', 'user/Patient.rs system/Observation.rs'), 'user/Patient.rs')
  t.equal(asked('user/Observation.rs', 'patient/Observation.rs system/Observation.rs'), '')
})

t.test('a query that is no search of the type is refused, however the app is approved, and not left out', async t => {
  for (const word of ['patient/Observation.rs?colour=red', 'user/Observation.rs?colour=red'])
    t.throws(() => asked(`openid ${word}`, 'user/*.cruds'), errors.InvalidScope)
  t.throws(() => scopesOfBackend('system/Observation.rs?colour=red', client('system/*.rs'), rules), errors.InvalidScope)
  const refusal = (word: string) => scopeRefusal(parseScope(word) as Scope, rules)
  t.equal(refusal('patient/Observation.rs?code=a'), undefined)
  t.equal(refusal('patient/Nothing.rs'), 'Nothing is no type of resource')
  t.equal(refusal('patient/*.rs'), undefined)
  t.match(refusal('patient/Observation.rs?colour=red'), /"colour" is no search parameter of Observation/)
})

t.test('a service gets what is within its own scopes, and is refused if nothing is', async t => {
  const given = (text: string, approved: string) => scopesOfBackend(text, client(approved), rules)
  t.strictSame(given('system/*.cruds', 'system/Patient.rs user/Observation.rs'), ['system/Patient.rs'])
  t.strictSame(given('system/Patient.r system/Observation.rs', 'system/Patient.rs'), ['system/Patient.r'])
  for (const [text, approved, why] of [
    ['system/Observation.rs', 'system/Patient.rs', /none of the scopes is within .* may have: system\/Patient.rs/],
    ['system/Observation.rs', 'user/Observation.rs', /none of the scopes is within/],
    ['user/Observation.rs', 'user/Observation.rs', /none of the scopes is within/],
    ['system/Observation.rs', '', /may have: none/],
    [' ', 'system/Patient.rs', /scope is missing/],
    [
      'system/Observations.rs',
      'system/*.rs',
      /^system\/Observations.rs is no scope: Observations is no type of resource$/,
    ],
    ['system/Observation.sr', 'system/*.rs', /is no scope: one is like/],
  ] as const)
    t.equal(why.test(refusalOf(() => given(text, approved))), true, text)
})

t.test('a patient must be in context for patient/ scopes, and if the app wants to know of one', async t => {
  t.equal(needsPatient(['launch/patient']), true)
  t.equal(needsPatient(['openid', 'patient/Observation.rs']), true)
  t.equal(needsPatient(['openid', 'launch', 'user/Patient.rs']), false)
})
