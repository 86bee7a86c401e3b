import { escapedText } from '../match/escape.ts'
import { measuredIn, type Quantity } from '../match/quantity.ts'
import { convertNumber, isConvertible, ucum } from '../match/unit.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'
import { deriveNumbers } from './number.ts'

/** https://hl7.org/fhir/R4/search.html#quantity: with the unit in all its forms, without a unit, and with another one. */
export const deriveQuantities = (found: Found, random: Random): readonly string[] => {
  const { system, code, unit } = measuredIn(found) ?? {}
  const words = [code, unit].filter(one => one !== undefined).map(escapedText)
  const units = [
    '',
    ...words.map(word => `||${word}`),
    '||nonsense',
    ...(system === undefined || code === undefined ? [] : [`|${escapedText(system)}|${escapedText(code)}`]),
    ...(code === undefined ? [] : [`|http://wrong.example|${escapedText(code)}`]),
  ]
  return numbersOf(found).flatMap(number => [
    ...deriveNumbers(number, random).map(one => one + random.pick(units)),
    ...(system === ucum && code !== undefined ? inOtherUnits(number, code, random) : []),
  ])
}

/** Every amount in it: for a Range its ends, for samples the origin. */
const numbersOf = ({ value }: Found): readonly number[] => {
  const { value: amount, low, high, origin } = value as Quantity & Partial<Record<'low' | 'high' | 'origin', Quantity>>
  return [amount, low?.value, high?.value, origin?.value].filter(one => one !== undefined)
}

const units = [
  'g',
  'mg',
  'kg',
  'm',
  'cm',
  'mm',
  'h',
  'min',
  'd',
  'mm[Hg]',
  'kPa',
  '/min',
  '/h',
  'mol/L',
  'mmol/L',
  'Cel',
  'K',
  '%',
  'L',
  'mL',
]

const inOtherUnits = (number: number, from: string, random: Random): readonly string[] => {
  const others = units.filter(to => to !== from && isConvertible(from, to))
  return random.some(others, 2).flatMap(to => {
    const converted = String(Number(convertNumber(number, from, to).toPrecision(6)))
    if (/e/i.test(converted)) return []
    return [`${converted}|${ucum}|${to}`, `${random.pick(['ge', 'le', 'ap', 'ne'])}${converted}|${ucum}|${to}`]
  })
}
