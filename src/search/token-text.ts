import { escaped } from './escape.ts'

/** An identifier as the value of a token parameter, with its commas and bars escaped. https://hl7.org/fhir/R4/search.html#escaping */
export const tokenText = ({ system, value }: { readonly system: string; readonly value: string }): string =>
  `${escaped(system)}|${escaped(value)}`
