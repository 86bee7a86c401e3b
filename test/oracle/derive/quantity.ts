import { escapedText } from '../match/escape.ts'
import { quantities } from '../match/quantity.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'
import { deriveNumbers } from './number.ts'

type Quantity = {
  readonly value?: number
  readonly system?: string
  readonly code?: string
  readonly unit?: string
  readonly currency?: string
}

/** https://hl7.org/fhir/R4/search.html#quantity: with the unit in all its forms, without, and with another. */
export const deriveQuantities = ({ type, value }: Found, random: Random): readonly string[] => {
  if (!quantities.has(type)) return []
  const { value: number, system, code, unit, currency } = value as Quantity
  const words = [code, unit, currency].filter(one => one !== undefined).map(escapedText)
  const units = [
    '',
    ...words.map(word => `||${word}`),
    '||nonsense',
    ...(system === undefined || code === undefined ? [] : [`|${escapedText(system)}|${escapedText(code)}`]),
    ...(code === undefined ? [] : [`|http://wrong.example|${escapedText(code)}`]),
  ]
  return deriveNumbers(number, random).map(one => one + random.pick(units))
}
