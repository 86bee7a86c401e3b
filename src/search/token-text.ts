import { escaped } from './escape.ts'

/** An identifier as a search names it: its commas and bars are its own. https://hl7.org/fhir/R4/search.html#escaping */
export const tokenText = ({ system, value }: { readonly system: string; readonly value: string }): string =>
  `${escaped(system)}|${escaped(value)}`
