import type { SearchParameter } from '../../fhir/search-parameter.ts'
import { splitAt, unescapeText } from '../escape.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#token */
export const parseToken = (parameter: SearchParameter, text: string): Value => {
  const [first, second, ...more] = splitAt('|', text).map(unescapeText)
  if (first === undefined || more.length > 0 || (first === '' && second === '')) {
    throw valueRefusal(parameter, text, 'code, system|code, |code (no system), system| (any code)')
  }
  if (second === undefined) return { kind: 'token', code: first }
  const system = first === '' ? null : first
  return second === '' ? { kind: 'token', system } : { kind: 'token', system, code: second }
}
