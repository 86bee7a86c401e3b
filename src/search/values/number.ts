import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { rangeOf } from '../decimal.ts'
import { splitPrefix } from '../prefix.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#number */
export const parseNumber = (parameter: SearchParameter, text: string): Value => {
  const { prefix, rest } = splitPrefix(text)
  const range = rangeOf(prefix, rest)
  if (range === undefined) throw valueRefusal(parameter, text, '[prefix]number, as in 100, ge5.40 or 1e2')
  return { kind: 'number', prefix, ...range }
}
