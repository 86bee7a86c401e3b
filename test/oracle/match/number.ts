import type { Found } from '../values.ts'
import { add, compareDecimals, type Decimal, larger, negative, tenthOf, toDecimal } from './decimal.ts'
import { type Prefix, splitPrefix } from './prefix.ts'

/** https://hl7.org/fhir/R4/search.html#number */
export const matchNumber = ({ type, value }: Found, text: string): boolean => {
  const { prefix, rest } = splitPrefix(text)
  const amount = type === 'Range' ? amountOfRange(value as Range) : exactly(toDecimal(String(value)))
  return amount !== undefined && amountHolds(amount, prefix, toAsked(rest))
}

/** From where to where an amount reaches. An end that is absent is open; whether it is included depends on the comparator. */
export type Amount = { readonly low?: End | undefined; readonly high?: End | undefined }

type End = { readonly at: Decimal; readonly isOutside?: boolean }

export const exactly = (at: Decimal | undefined): Amount | undefined =>
  at === undefined ? undefined : { low: { at }, high: { at } }

export type Range = { readonly low?: { readonly value?: number }; readonly high?: { readonly value?: number } }

export const amountOfRange = ({ low, high }: Range): Amount | undefined =>
  low?.value === undefined && high?.value === undefined
    ? undefined
    : { low: endAt(low?.value), high: endAt(high?.value) }

const endAt = (value: number | undefined): End | undefined => {
  const at = value === undefined ? undefined : toDecimal(String(value))
  return at && { at }
}

/** The number that is searched for, and half a unit of its last digit. */
export type Asked = { readonly exact: Decimal; readonly half: Decimal }

export const toAsked = (text: string): Asked => {
  const exact = toDecimal(text)
  if (exact === undefined) throw new Error(`"${text}" is no number`)
  // "[parameter]=1e2 … [95 ... 105)": without a point and with an exponent it counts as one digit more precise.
  return { exact, half: { digits: 5n, exponent: exact.exponent - (/e/i.test(text) && !text.includes('.') ? 2 : 1) } }
}

/** The range of the resource compared with a number of the precision as written. https://hl7.org/fhir/R4/search.html#prefix */
export const amountHolds = ({ low, high }: Amount, prefix: Prefix, { exact, half }: Asked): boolean => {
  const margin = prefix === 'ap' ? larger(half, tenthOf(exact)) : half
  const [from, to] = [add(exact, negative(margin)), add(exact, margin)]
  const isInside = (): boolean =>
    low !== undefined && high !== undefined && compareDecimals(low.at, from) >= 0 && compareDecimals(high.at, to) < 0
  const above = (end: End | undefined): number => (end === undefined ? 1 : compareDecimals(end.at, exact))
  const below = (end: End | undefined): number => (end === undefined ? -1 : compareDecimals(end.at, exact))
  const holds: Readonly<Record<Prefix, () => boolean>> = {
    // "[parameter]=100: Values that equal 100, to 3 significant figures precision, so this is actually searching for
    // values in the range [99.5 ... 100.5)"
    eq: isInside,
    ne: () => !isInside(),
    // "When a comparison prefix in the set gt, lt, ge, le, sa & eb is provided, the implicit precision of the number is
    // ignored, and they are treated as if they have arbitrarily high precision."
    gt: () => above(high) > 0,
    lt: () => below(low) < 0,
    ge: () => above(high) > 0 || (above(high) === 0 && high?.isOutside !== true),
    le: () => below(low) < 0 || (below(low) === 0 && low?.isOutside !== true),
    // "the range above the search value contains the range of the target value"
    sa: () => below(low) > 0 || (below(low) === 0 && low?.isOutside === true),
    eb: () => above(high) < 0 || (above(high) === 0 && high?.isOutside === true),
    // "the recommended value for the approximation is 10% of the stated value"; never narrower than eq
    ap: () =>
      (low === undefined || compareDecimals(low.at, to) < 0) &&
      (high === undefined || compareDecimals(high.at, from) >= (high.isOutside === true ? 1 : 0)),
  }
  return holds[prefix]()
}
