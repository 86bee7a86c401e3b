import type { Found } from '../values.ts'
import { toDecimal } from './decimal.ts'
import { plainText, split } from './escape.ts'
import { type Amount, amountHolds, amountOfRange, exactly, type Range, toAsked } from './number.ts'
import { splitPrefix } from './prefix.ts'
import { inUnit, isConvertible, ucum } from './unit.ts'

/** https://hl7.org/fhir/R4/search.html#quantity */
export const matchQuantity = (found: Found, text: string): boolean => {
  const [number = '', system, code] = split('|', text).map(plainText)
  const { prefix, rest } = splitPrefix(number)
  const measured = measuredIn(found)
  if (measured?.amount === undefined) return false
  const holds = (amount: Amount) => amountHolds(amount, prefix, toAsked(rest))
  if (code === undefined) return holds(measured.amount)
  // "5.4||mg: the unit - either the code or the stated human unit - is "mg""
  if (system === '') return (measured.code === code || measured.unit === code) && holds(measured.amount)
  if (measured.system !== system) return false
  if (measured.code === code) return holds(measured.amount)
  // "The search processor may choose to perform a search based on canonical units"
  if (system !== ucum || measured.code === undefined || !isConvertible(measured.code, code)) return false
  return holds(inUnit(measured.amount, measured.code, code))
}

type Measured = {
  readonly amount: Amount | undefined
  readonly system?: string | undefined
  readonly code?: string | undefined
  readonly unit?: string | undefined
}

export const measuredIn = ({ type, value }: Found): Measured | undefined => measures[type]?.(value as never)

export type Quantity = {
  readonly value?: number
  readonly comparator?: string
  readonly system?: string
  readonly code?: string
  readonly unit?: string
}

/** A comparator leaves one side open: `<5` is anything below 5. */
const amountOf = ({ value, comparator = '' }: Quantity): Amount | undefined => {
  const at = value === undefined ? undefined : toDecimal(String(value))
  if (at === undefined) return undefined
  if (comparator.startsWith('<')) return { high: { at, isOutside: comparator === '<' } }
  return comparator.startsWith('>') ? { low: { at, isOutside: comparator === '>' } } : exactly(at)
}

const measure = (quantity: Quantity): Measured => ({ ...quantity, amount: amountOf(quantity) })

type Samples = { readonly origin: Quantity; readonly factor?: number; readonly data?: string }

/** "if the value is a SampledData (just search on the bounds of the values in sampled data)" */
const measureSamples = ({ origin, factor = 1, data = '' }: Samples): Measured => {
  const values = data.split(/\s+/).filter(one => /^[-+]?\d/.test(one))
  const numbers = values.map(one => Number((Number(one) * factor + (origin.value ?? 0)).toPrecision(12)))
  if (numbers.length === 0) return { amount: undefined }
  return {
    ...origin,
    amount: amountOfRange({ low: { value: Math.min(...numbers) }, high: { value: Math.max(...numbers) } }),
  }
}

const measures: Readonly<Record<string, (value: never) => Measured>> = {
  Quantity: measure,
  Age: measure,
  Duration: measure,
  Count: measure,
  Distance: measure,
  // "For Money: the system is urn:iso:std:iso:4217 and the code is the currency"
  Money: ({ value, currency }: { readonly value?: number; readonly currency?: string }) => ({
    amount: value === undefined ? undefined : amountOf({ value }),
    system: 'urn:iso:std:iso:4217',
    code: currency,
  }),
  Range: (range: Range & { readonly low?: Quantity; readonly high?: Quantity }) => ({
    ...(range.low ?? range.high),
    amount: amountOfRange(range),
  }),
  SampledData: measureSamples,
}
