import type { ResourceType } from '@medplum/fhirtypes'
import type { Compartment } from '../fhir/definition/compartment.ts'
import type { Registry } from '../fhir/registry.ts'
import { and, type Expression, or } from './expression.ts'

/**
 * The row is in the compartment by one of the parameters of its definition, and the caller may see the resource whose compartment it
 * is. Undefined if the type is in no such compartment. https://hl7.org/fhir/R4/search.html#compartment
 */
export const inCompartment = (
  registry: Registry,
  { compartment, id }: { readonly compartment: Compartment; readonly id: string },
  type: ResourceType,
): Expression | undefined => {
  const codes = registry.compartmentParameters(compartment, type)
  if (codes.length === 0) return undefined
  const ways = codes.flatMap((code): readonly Expression[] => {
    if (code === '_id') return [{ kind: 'identified', ids: [id] }]
    const parameter = registry.searchParameter(type, code)
    return parameter === undefined
      ? []
      : [{ kind: 'match', parameter, value: { kind: 'reference', type: compartment, id } }]
  })
  return and({ kind: 'there', type: compartment, id, of: { kind: 'all' } }, or(...ways))
}
