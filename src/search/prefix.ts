import type { Prefix } from './value.ts'

/** https://hl7.org/fhir/R4/search.html#prefix */
export const prefixes = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const satisfies readonly Prefix[]

/** Text without a prefix means `eq`. */
export const splitPrefix = (text: string): { readonly prefix: Prefix; readonly rest: string } => {
  const prefix = prefixes.find(one => text.startsWith(one))
  return prefix === undefined ? { prefix: 'eq', rest: text } : { prefix, rest: text.slice(prefix.length) }
}
