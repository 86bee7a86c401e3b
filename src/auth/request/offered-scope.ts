import { parseScope, parseScopes } from '../../access/scope.ts'
import { criteriaRefusal } from '../../access/scope-criteria.ts'
import { isScopeWithin, limitScopes } from '../../access/scope-limit.ts'
import { FhirError } from '../../fhir/error.ts'
import { holdClient, type RegisteredClient } from '../../storage/authorization/client-registration.ts'
import type { Connection } from '../../storage/database.ts'
import type { ScopeRules } from './requested-scope.ts'

/** Those of the scopes asked for that the client may still be given: one may be taken from it while a person makes up their mind. */
export const offeredNow = (asked: readonly string[], { scope }: Pick<RegisteredClient, 'scope'>): readonly string[] => {
  const approved = parseScopes(scope)
  return asked.flatMap(word => (parseScope(word)?.context === 'user' ? limitScopes([word], approved) : [word]))
}

/** Whether it is one of those that are offered, or a narrower one. */
export const isGiven = (
  word: string,
  offered: readonly string[],
  { registry, parseCriteria }: Pick<ScopeRules, 'registry' | 'parseCriteria'>,
): boolean => {
  if (offered.includes(word)) return true
  const scope = parseScope(word)
  if (scope === undefined || !isScopeToken(word)) return false
  if (criteriaRefusal(scope, registry.resourceTypes, parseCriteria) !== undefined) return false
  return offered.some(one => {
    const limit = parseScope(one)
    return limit !== undefined && isScopeWithin(scope, limit)
  })
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-3.3 */
const isScopeToken = (word: string): boolean => /^[\x21\x23-\x5B\x5D-\x7E]+$/.test(word)

/**
 * In the transaction that grants the scopes: throws if the client may not be given all of them. Whoever takes one away from now on finds the grant,
 * and ends it.
 */
export const requireOffered = async (connection: Connection, client: string, scopes: readonly string[]) => {
  const held = await holdClient(connection, client)
  if (held === undefined || scopes.some(word => !offeredNow([word], held).includes(word))) throw isOver()
}

export const isOver = () => new FhirError('not-found', 'This request is over: open the app again')
