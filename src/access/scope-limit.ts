import type { ResourceType } from '@medplum/fhirtypes'
import type { Action } from '../search/expression.ts'
import { isInCompartments } from './patient-compartment.ts'
import { parseScope, printScope, type Scope } from './scope.ts'

/**
 * What is left of the scopes that are asked within those that are allowed, each once: as it was written where it is allowed
 * whole, else the parts that are. What cannot be read is left out.
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

/** Whether the scope gives nothing that the limit does not: for all that can be told without asking what queries mean. */
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

/** In a patient's context no wildcard includes what stands outside compartments, nor recording consent. */
const isInWildcard = (context: Scope['context'], type: string, action: Action): boolean =>
  context !== 'patient' ||
  (isInCompartments(type as ResourceType) && (type !== 'Consent' || action === 'r' || action === 's'))

/** Inside a scope, criteria are and-ed: what both ask of the same parameter stands there twice. */
const bothQueries = (one: string | undefined, other: string | undefined): string | undefined => {
  const criteria = [one, other].flatMap(query => query?.split('&') ?? [])
  return criteria.length === 0 ? undefined : [...new Set(criteria)].join('&')
}
