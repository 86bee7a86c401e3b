import type { ResourceType } from '@medplum/fhirtypes'
import type { Action } from '../search/expression.ts'
import { isInCompartments } from './patient-compartment.ts'
import { parseScope, printScope, type Scope } from './scope.ts'

/**
 * What the allowed scopes leave of those that are asked for, each once: a scope as it was written if it is allowed whole, else its
 * allowed parts. A word that cannot be read is left out.
 */
export const limitScopes = (asked: readonly string[], allowed: readonly Scope[]): readonly string[] => [
  ...new Set(
    asked.flatMap(word => {
      const scope = parseScope(word)
      if (scope === undefined) return []
      if (allowed.some(limit => isScopeWithin(scope, limit))) return [word]
      return allowed.flatMap(limit => {
        const common = commonPart(scope, limit)
        return common === undefined ? [] : [printScope(common)]
      })
    }),
  ),
]

/** Whether the scope gives nothing beyond the limit, as far as that can be told without knowing what queries mean. */
export const isScopeWithin = (scope: Scope, limit: Scope): boolean => {
  const common = commonPart(scope, limit)
  return common !== undefined && printScope(common) === printScope(scope)
}

const commonPart = (one: Scope, other: Scope): Scope | undefined => {
  if (one.context !== other.context) return undefined
  const type = one.type === '*' ? other.type : one.type
  if (other.type !== '*' && other.type !== type) return undefined
  const isByWildcard = one.type !== other.type
  const actions = new Set(
    [...one.actions].filter(
      action => other.actions.has(action) && (!isByWildcard || isInWildcard(one.context, type, action)),
    ),
  )
  if (actions.size === 0) return undefined
  const query = bothQueries(one.query, other.query)
  return { context: one.context, type, actions, ...(query === undefined ? {} : { query }) }
}

/** In a patient's context, no wildcard includes types outside compartments, nor recording consent. */
const isInWildcard = (context: Scope['context'], type: string, action: Action): boolean =>
  context !== 'patient' ||
  (isInCompartments(type as ResourceType) && (type !== 'Consent' || action === 'r' || action === 's'))

/** The criteria of a scope are and-ed, so those of both stand side by side, also where they are about the same parameter. */
const bothQueries = (one: string | undefined, other: string | undefined): string | undefined => {
  const criteria = [one, other].flatMap(query => query?.split('&') ?? [])
  return criteria.length === 0 ? undefined : [...new Set(criteria)].join('&')
}
