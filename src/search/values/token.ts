import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { splitAt, unescapeText } from '../escape.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#token */
export const parseToken = (parameter: SearchParameter, text: string): Extract<Value, { kind: 'token' }> => {
  const [first, second, ...more] = splitAt('|', text).map(unescapeText)
  if (first === undefined || more.length > 0 || (first === '' && second === '')) {
    throw valueRefusal(parameter, text, 'code, system|code, |code (no system), system| (any code)')
  }
  if (second === undefined) return { kind: 'token', code: first }
  if (hasNoSystem(parameter)) throw valueRefusal(parameter, text, 'a code without a system and without |')
  const system = first === '' ? null : first
  return second === '' ? { kind: 'token', system } : { kind: 'token', system, code: second }
}

/** "on elements of type ContactPoint, uri, or boolean, the presence of the pipe symbol SHALL NOT be used" */
const hasNoSystem = ({ paths }: SearchParameter): boolean =>
  paths.length > 0 && paths.every(({ datatype }) => withoutSystem.has(datatype))

const withoutSystem: ReadonlySet<string> = new Set(['ContactPoint', 'uri', 'boolean'])
