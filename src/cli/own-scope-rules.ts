import type { ScopeRules } from '../auth/request/requested-scope.ts'
import { loadRegistry } from '../fhir/registry.ts'
import { parseCriteria } from '../search/parse.ts'

/** What a scope may ask of this version of the server. */
export const ownScopeRules = (): Pick<ScopeRules, 'registry' | 'parseCriteria'> => {
  const registry = loadRegistry()
  return { registry, parseCriteria: (type, query) => parseCriteria(registry, type, query) }
}
