import { errors } from 'oidc-provider'
import { parseScope, parseScopes, type Scope } from '../../access/scope.ts'
import { withoutAlias } from '../../access/scope-alias.ts'
import { criteriaRefusal, type ParseCriteria } from '../../access/scope-criteria.ts'
import { limitScopes } from '../../access/scope-limit.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { RegisteredClient } from '../../storage/authorization/client-registration.ts'
import { errorDescription } from '../provider/error-description.ts'

/** Launch context, identity and refresh. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
export const contextScopes = [
  'openid',
  'fhirUser',
  'launch',
  'launch/patient',
  'offline_access',
  'online_access',
] as const

export type ScopeRules = {
  readonly registry: Registry
  readonly codeClasses: CodeClasses
  readonly parseCriteria: ParseCriteria
}

/**
 * Those of the scopes which an app asks a person for that can give it anything, in its order; `user/` scopes only as far as the client is
 * approved for them. Words that mean nothing here are ignored, such as the scope of an unknown type. Throws invalid_scope for a query that is no
 * valid search: ignoring that would give more than was asked for.
 */
export const scopesOfPerson = (text: string, client: RegisteredClient, rules: ScopeRules): readonly string[] => {
  const approved = parseScopes(client.scope)
  return wordsOf(text, 'patient', rules).flatMap(word => {
    if (isContextScope(word)) return [word]
    const context = parseScope(word)?.context
    if (context === 'patient') return [word]
    return context === 'user' ? limitScopes([word], approved) : []
  })
}

/** Those of the scopes which a backend client asks for that it may have. Throws invalid_scope if there are none. */
export const scopesOfBackend = (text: string, client: RegisteredClient, rules: ScopeRules): readonly string[] => {
  const approved = parseScopes(client.scope).filter(({ context }) => context === 'system')
  const left = limitScopes(wordsOf(text, 'system', rules), approved)
  if (left.length > 0) return left
  const may = client.scope === '' ? 'none' : client.scope
  throw scopeError(text, `none of the scopes is within those that the client may have: ${may}`, rules)
}

/** `refused`: why the scopes that were asked for give nothing. */
export const scopeError = (text: string, refused: string, rules: Pick<ScopeRules, 'registry'>): errors.InvalidScope =>
  new errors.InvalidScope(
    text.trim() === ''
      ? 'scope is missing: say what is asked for'
      : errorDescription(meaninglessIn(text, rules) ?? refused),
    text,
  )

/** Why a word that was meant to be a resource scope is none; the first such word. */
const meaninglessIn = (text: string, { registry }: Pick<ScopeRules, 'registry'>): string | undefined => {
  for (const word of text.split(' ').filter(one => /^(?:patient|user|system)\//.test(one))) {
    const scope = parseScope(word)
    const reason = scope === undefined ? unreadable : isOfSomeType(scope, registry) ? undefined : noType(scope)
    if (reason !== undefined) return `${word.slice(0, 200)} is no scope: ${reason}`
  }
  return undefined
}

const unreadable =
  'one is like patient/Observation.rs?code=8867-4, with letters in the order of cruds, or patient/Observation.read, without a query'

const noType = ({ type }: Scope): string => `${type} is no type of resource`

/** Whether a patient must be in context, because the scopes mean nothing without one, or because the app wants to know. */
export const needsPatient = (scopes: readonly string[]): boolean =>
  scopes.some(word => word === 'launch/patient' || parseScope(word)?.context === 'patient')

export const isContextScope = (word: string): word is (typeof contextScopes)[number] =>
  contextScopes.some(one => one === word)

/** Why a scope would give nothing to anybody; undefined if it may give something. */
export const scopeRefusal = (
  scope: Scope,
  rules: Pick<ScopeRules, 'registry' | 'parseCriteria'>,
): string | undefined =>
  isOfSomeType(scope, rules.registry)
    ? criteriaRefusal(scope, rules.registry.resourceTypes, rules.parseCriteria)
    : noType(scope)

const wordsOf = (
  text: string,
  context: 'patient' | 'system',
  { registry, codeClasses, parseCriteria }: ScopeRules,
): readonly string[] => {
  const asked = text.split(' ').filter(word => word !== '')
  const words = [...new Set(asked.map(word => withoutAlias(word, context, codeClasses)))]
  for (const word of words) {
    const scope = parseScope(word)
    const reason = scope && criteriaRefusal(scope, registry.resourceTypes, parseCriteria)
    if (reason !== undefined)
      throw new errors.InvalidScope(errorDescription(`${word} cannot be granted: ${reason}`), word)
  }
  return words.filter(word => isOfSomeType(parseScope(word), registry))
}

/** Whether the scope is for a type that exists; true for launch and identity scopes, which are for no type. */
const isOfSomeType = (scope: Scope | undefined, { resourceTypes }: Registry): boolean =>
  scope === undefined || scope.type === '*' || resourceTypes.some(type => type === scope.type)
