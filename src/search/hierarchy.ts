import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Registry } from '../fhir/registry.ts'
import { type Expression, or } from './expression.ts'
import { valueRefusal } from './refusal.ts'
import { parseReferenceValue } from './values/reference.ts'

type Asked = {
  readonly registry: Registry
  readonly parameter: SearchParameter
  readonly text: string
  /** Absolute base of this server. */
  readonly base: string | undefined
}

/**
 * `location:below=42`: the row refers to 42, or to something that is part of it, however far down.
 * https://hl7.org/fhir/R4/search.html#recursive
 */
export const parseHierarchy = (reach: 'above' | 'below', { registry, parameter, text, base }: Asked): Expression => {
  const targets = hierarchicalTargets(parameter)
  const narrowed = { ...parameter, targets }
  const value = parseReferenceValue(narrowed, text, base)
  if (value.kind === 'url') throw valueRefusal(parameter, text, `id, ${targets.map(type => `${type}/id`).join(', ')}`)
  const { id, type } = value
  return or(
    { kind: 'match', parameter: narrowed, value },
    ...targets
      .filter(target => type === undefined || type === target)
      .flatMap((target): Expression[] => {
        const parent = registry.searchParameter(target, parents[target] ?? '')
        return parent === undefined
          ? []
          : [{ kind: 'hierarchy', parameter, target, parent, reach, id, of: { kind: 'all' } }]
      }),
  )
}

/** Whether it holds references (not canonicals) that may lead to a type with a hierarchy. */
export const isHierarchical = (parameter: SearchParameter): boolean =>
  parameter.type === 'reference' &&
  parameter.paths.some(({ datatype }) => datatype === 'Reference') &&
  hierarchicalTargets(parameter).length > 0

/** The types among a parameter's targets whose resources may be part of one another. */
const hierarchicalTargets = ({ targets }: SearchParameter): readonly ResourceType[] =>
  targets.filter(target => target in parents)

/** The parameter of each such type that says what a resource is part of. */
const parents: Readonly<Partial<Record<ResourceType, string>>> = {
  CarePlan: 'part-of',
  Communication: 'part-of',
  Encounter: 'part-of',
  Location: 'partof',
  MedicationStatement: 'part-of',
  Organization: 'partof',
  Procedure: 'part-of',
  ResearchStudy: 'partof',
  Task: 'part-of',
}
