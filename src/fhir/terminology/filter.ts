import type { ValueSetComposeIncludeFilter } from '@medplum/fhirtypes'
import { FhirError } from '../error.ts'
import { codesAbove, codesBelow, type HeldConcept, type HeldSystem } from './code-system.ts'

type Test = (concept: HeldConcept) => boolean
type Filter = (asked: { readonly system: HeldSystem; readonly property: string; readonly value: string }) => Test

/** https://hl7.org/fhir/R4/valueset-filter-operator.html, on a code system that we have completely. */
export const filterTest = (
  system: HeldSystem,
  { property = '', op, value = '' }: ValueSetComposeIncludeFilter,
): Test => {
  const filter = op === undefined ? undefined : filters[op]
  if (filter === undefined)
    throw new FhirError('not-supported', `The filter operator "${op}" of a value set is not supported`, { status: 400 })
  return filter({ system, property, value })
}

const valuesOf = (concept: HeldConcept, property: string): readonly string[] => {
  if (property === 'code' || property === 'concept') return [concept.code]
  if (property === 'display') return concept.display === undefined ? [] : [concept.display]
  const values = concept.properties.filter(([name]) => name === property).map(([, value]) => value)
  return property === 'parent' ? [...new Set([...values, ...concept.parents])] : values
}

const listOf = (value: string): ReadonlySet<string> => new Set(value.split(',').map(one => one.trim()))

const filters: Readonly<Record<string, Filter>> = {
  '=':
    ({ property, value }) =>
    concept =>
      valuesOf(concept, property).includes(value),
  'is-a': ({ system, value }) => {
    const codes = codesBelow(system, value)
    return ({ code }) => codes.has(code)
  },
  'descendent-of': ({ system, value }) => {
    const codes = codesBelow(system, value)
    return ({ code }) => code !== value && codes.has(code)
  },
  'is-not-a': ({ system, value }) => {
    const codes = codesBelow(system, value)
    return ({ code }) => !codes.has(code)
  },
  generalizes: ({ system, value }) => {
    const codes = codesAbove(system, value)
    return ({ code }) => codes.has(code)
  },
  in: ({ property, value }) => {
    const values = listOf(value)
    return concept => valuesOf(concept, property).some(one => values.has(one))
  },
  'not-in': ({ property, value }) => {
    const values = listOf(value)
    return concept => !valuesOf(concept, property).some(one => values.has(one))
  },
  exists:
    ({ property, value }) =>
    concept =>
      valuesOf(concept, property).length > 0 === (value === 'true'),
}
