import type { Found } from '../values.ts'
import { toDecimal } from './decimal.ts'
import { plainText, split } from './escape.ts'
import { numberHolds } from './number.ts'
import { splitPrefix } from './prefix.ts'

/** https://hl7.org/fhir/R4/search.html#quantity */
export const matchQuantity = ({ type, value }: Found, text: string): boolean => {
  if (!quantities.has(type)) return false
  const [number = '', system, code] = split('|', text).map(plainText)
  const { prefix, rest } = splitPrefix(number)
  const quantity = value as Quantity
  return numberHolds(toDecimal(String(quantity.value)), prefix, rest) && unitHolds(type, quantity, system, code)
}

type Quantity = {
  readonly value?: number
  readonly system?: string
  readonly code?: string
  readonly unit?: string
  readonly currency?: string
}

export const quantities = new Set(['Quantity', 'Age', 'Duration', 'Count', 'Distance', 'Money'])

const unitHolds = (type: string, quantity: Quantity, system: string | undefined, code: string | undefined): boolean => {
  if (code === undefined) return true
  if (type === 'Money') return quantity.currency === code
  // "5.4||mg: the unit - either the code or the stated human unit - is "mg""
  if (system === '') return quantity.code === code || quantity.unit === code
  return quantity.system === system && quantity.code === code
}
