/** https://hl7.org/fhir/R4/search.html#prefix: no prefix is the same as eq. */
export type Prefix = (typeof prefixes)[number]

export const prefixes = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const

export const splitPrefix = (text: string): { readonly prefix: Prefix; readonly rest: string } => {
  const prefix = prefixes.find(one => text.startsWith(one))
  return prefix === undefined ? { prefix: 'eq', rest: text } : { prefix, rest: text.slice(2) }
}
