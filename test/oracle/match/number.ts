import type { Found } from '../values.ts'
import { add, compareDecimals, type Decimal, larger, negative, tenthOf, toDecimal } from './decimal.ts'
import { type Prefix, splitPrefix } from './prefix.ts'

/** https://hl7.org/fhir/R4/search.html#number */
export const matchNumber = ({ type, value }: Found, text: string): boolean => {
  const { prefix, rest } = splitPrefix(text)
  return numbers.has(type) && numberHolds(toDecimal(String(value)), prefix, rest)
}

const numbers = new Set(['decimal', 'integer', 'positiveInt', 'unsignedInt'])

/** A value of a resource, taken as exact, against a number that is as precise as it is written. */
export const numberHolds = (value: Decimal | undefined, prefix: Prefix, text: string): boolean => {
  const asked = toDecimal(text)
  if (value === undefined || asked === undefined) return false
  const half = halfOfLastPlace(text, asked)
  const isWithin = (margin: Decimal) =>
    compareDecimals(value, add(asked, negative(margin))) >= 0 && compareDecimals(value, add(asked, margin)) < 0
  const holds: Readonly<Record<Prefix, () => boolean>> = {
    // "[parameter]=100: Values that equal 100, to 3 significant figures precision, so this is actually searching for
    // values in the range [99.5 ... 100.5)"
    eq: () => isWithin(half),
    // "Values that are not equal to 100 (actually, in the range 99.5 to 100.5)"
    ne: () => !isWithin(half),
    // "gt, lt, ge, le: the implicit precision of the number is ignored, and they are treated as if they have arbitrarily
    // high precision"
    gt: () => compareDecimals(value, asked) > 0,
    lt: () => compareDecimals(value, asked) < 0,
    ge: () => compareDecimals(value, asked) >= 0,
    le: () => compareDecimals(value, asked) <= 0,
    // "the range of the search value does not overlap with the range of the target value", which is a point
    sa: () => compareDecimals(value, add(asked, half)) >= 0,
    eb: () => compareDecimals(value, add(asked, negative(half))) < 0,
    // "the recommended value for the approximation is 10% of the stated value"; never narrower than eq
    ap: () => isWithin(larger(half, tenthOf(asked))),
  }
  return holds[prefix]()
}

/** "[parameter]=1e2 … [95 ... 105)": a number without a point and with an exponent counts as one digit more precise. */
const halfOfLastPlace = (text: string, { exponent }: Decimal): Decimal => ({
  digits: 5n,
  exponent: exponent - (/e/i.test(text) && !text.includes('.') ? 2 : 1),
})
