import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { all, type Expression, none } from '../search/expression.ts'
import type { Scope } from './scope.ts'

/** The criteria of a granular scope as an expression. Throws FhirError for what is no search parameter of the type. */
export type ParseCriteria = (type: ResourceType, query: string) => Expression

/** Which rows of the type the scope's query leaves; none where the query cannot be read. */
export const criteriaOfScope = (scope: Scope, type: ResourceType, parseCriteria: ParseCriteria): Expression => {
  try {
    return readCriteria(scope, type, parseCriteria)
  } catch (error) {
    if (error instanceof FhirError) return none
    throw error
  }
}

/** Why the scope's query cannot be granted; undefined where it can. The query of a wildcard must be readable for every type. */
export const criteriaRefusal = (
  scope: Scope,
  types: readonly ResourceType[],
  parseCriteria: ParseCriteria,
): string | undefined => {
  if (scope.query === undefined) return undefined
  try {
    const asked = scope.type === '*' ? types : types.filter(type => type === scope.type)
    for (const type of asked) readCriteria(scope, type, parseCriteria)
    return asked.length === 0 ? `${scope.type} is no type of resource` : undefined
  } catch (error) {
    if (error instanceof FhirError) return error.message
    throw error
  }
}

/** A scope has no modifiers: they may ask about other resources, as `:in` and `:below` do, or about what is missing. */
const readCriteria = ({ query }: Scope, type: ResourceType, parseCriteria: ParseCriteria): Expression => {
  if (query === undefined) return all
  const modified = [...new URLSearchParams(query).keys()].find(name => name.includes(':'))
  if (modified !== undefined) throw new FhirError('not-supported', `a scope takes no modifier: ${modified}`)
  const criteria = parseCriteria(type, query)
  if (!asksOfItself(criteria)) throw new FhirError('not-supported', `a scope asks of no other resources: ${query}`)
  return criteria
}

/** A link would reveal something of other resources, which the caller may not be allowed to see. Whatever is not known to ask of the row alone counts as one. */
const asksOfItself = (criteria: Expression): boolean => {
  switch (criteria.kind) {
    case 'and':
    case 'or':
      return criteria.of.every(asksOfItself)
    case 'match':
    case 'none':
      return true
    default:
      return false
  }
}
