import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'

/** The code of the parameter with which a name begins, whatever chain or modifier follows. */
export const codeOf = (name: string): string => /^[^.:]*/.exec(name)?.[0] ?? ''

/** Whether the type has the parameter with which the name begins. What follows is not looked at: if that is wrong, it is refused, and never passed over. */
export const isParameterOf = (registry: Registry, type: ResourceType, name: string): boolean =>
  name.startsWith('_has:') || registry.searchParameter(type, codeOf(name)) !== undefined

/** "Servers processing search requests SHALL refuse to process a search request if they do not recognize the `_query` parameter value": https://hl7.org/fhir/R4/search.html#query */
export const isNeverPassedOver = (name: string): boolean => codeOf(name) === '_query'

export const includeNames = ['_include', '_revinclude'] as const

/** With or without a modifier. */
export const isIncludeName = (name: string): boolean =>
  includeNames.some(one => name === one || name.startsWith(`${one}:`))
