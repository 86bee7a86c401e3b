import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'

/** The code of the parameter that the name of a query begins with, whatever chain or modifier comes behind. */
export const codeOf = (name: string): string => /^[^.:]*/.exec(name)?.[0] ?? ''

/** Whether a search for the type knows the first parameter of the name: what follows it changes its meaning, and is never passed over. */
export const isParameterOf = (registry: Registry, type: ResourceType, name: string): boolean =>
  name.startsWith('_has:') || registry.searchParameter(type, codeOf(name)) !== undefined

/** "Servers processing search requests SHALL refuse to process a search request if they do not recognize the `_query` parameter value": https://hl7.org/fhir/R4/search.html#query */
export const isNeverPassedOver = (name: string): boolean => codeOf(name) === '_query'
