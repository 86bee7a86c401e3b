import type { ParameterType } from '../definitions.ts'

/**
 * https://hl7.org/fhir/R4/search.html#table: what a type of parameter can look at. If an expression ends at a choice, types that do not fit (a string
 * for a date, an Attachment for a reference) are not values of such a parameter.
 */
export const usableBy = (type: ParameterType, datatype: string): boolean => datatypes[type]?.has(datatype) ?? true

const datatypes: Readonly<Partial<Record<ParameterType, ReadonlySet<string>>>> = {
  date: new Set(['date', 'dateTime', 'instant', 'Period', 'Timing']),
  reference: new Set(['Reference', 'canonical', 'uri', 'url']),
}
