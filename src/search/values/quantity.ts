import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { rangeOf } from '../decimal.ts'
import { splitAt, unescapeText } from '../escape.ts'
import { splitPrefix } from '../prefix.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** https://hl7.org/fhir/R4/search.html#quantity */
export const parseQuantity = (parameter: SearchParameter, text: string): Value => {
  const [amount, ...unitText] = splitAt('|', text)
  const { prefix, rest } = splitPrefix(amount)
  const range = rangeOf(prefix, rest)
  const unit = parseUnit(unitText.map(unescapeText))
  if (range === undefined || unit === 'invalid') {
    throw valueRefusal(parameter, text, '[prefix]number, [prefix]number|system|code or [prefix]number||code')
  }
  return unit === undefined ? { kind: 'quantity', prefix, ...range } : { kind: 'quantity', prefix, ...range, unit }
}

type Unit = { readonly system?: string; readonly code: string }

const parseUnit = (parts: readonly string[]): Unit | undefined | 'invalid' => {
  if (parts.length === 0) return undefined
  const [system, code] = parts
  if (parts.length !== 2 || system === undefined || code === undefined || code === '') return 'invalid'
  return system === '' ? { code } : { system, code }
}
