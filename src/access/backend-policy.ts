import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import type { Action } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { accessOf, isGranted } from './rules.ts'
import type { Scope } from './scope.ts'
import { criteriaRefusal, type ParseCriteria } from './scope-criteria.ts'

type Asked = {
  /** Who grants the scope. */
  readonly caller: Caller
  /** Id of the Organization whose client gets it. */
  readonly organization: string
  readonly registry: Registry
  readonly parseCriteria: ParseCriteria
}

/**
 * Why the caller may not grant the `system/` scope to a backend client of the organization; undefined where they may. Nobody grants
 * what they may not do themselves, so an administrator of the installation grants no access to health data.
 */
export const backendScopeRefusal = (scope: Scope, asked: Asked): string | undefined => {
  const { caller, organization, registry, parseCriteria } = asked
  const { query: _, ...whole } = scope
  const types = registry.resourceTypes.filter(type => scope.type === '*' || scope.type === type)
  if (types.length === 0) return `${scope.type} is no type of resource`
  const criteria = criteriaRefusal(scope, registry.resourceTypes, parseCriteria)
  if (criteria !== undefined) return criteria
  const theirs = accessOf(backend(organization, whole), registry, parseCriteria)
  const own = accessOf({ ...caller, scopes: [{ ...whole, context: 'user' }] }, registry, parseCriteria)
  for (const type of types)
    for (const action of scope.actions)
      if (isGranted(theirs, action, type) && !isGranted(own, action, type)) return mayNot(action, type)
  return undefined
}

const mayNot = (action: Action, type: ResourceType): string =>
  `you may ${action === 'r' || action === 's' ? 'see' : 'write'} no ${type} yourself, so you cannot let a service do it`

/** The Caller that a token of such a client would stand for. */
const backend = (organization: string, scope: Scope): Caller => ({
  principal: { kind: 'client', id: '' },
  client: { id: '', organization, policies: new Set() },
  organizations: [organization],
  administrator: false,
  scopes: [scope],
})
