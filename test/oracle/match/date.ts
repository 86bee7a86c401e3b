import type { Found } from '../values.ts'
import { type Prefix, splitPrefix } from './prefix.ts'

/** https://hl7.org/fhir/R4/search.html#date */
export const matchDate = (found: Found, text: string, now = Date.now()): boolean => {
  const { prefix, rest } = splitPrefix(text)
  const target = rangeOfElement(found)
  const search = rangeOf(rest)
  if (target === undefined || search === undefined) return false
  if (prefix === 'gt' && /T\d\d:\d\d:\d\d/.test(rest)) return isAfterMoment(search, target)
  return dateTests[prefix](search, target, now)
}

/** Whether they have a moment in common. */
export const overlapsDate = (found: Found, text: string): boolean => {
  const target = rangeOfElement(found)
  const search = rangeOf(text)
  return target !== undefined && search !== undefined && target.low < search.high && target.high > search.low
}

/** When it begins, for sorting: without a beginning, when it ends. */
export const startOf = (found: Found): number | undefined => {
  const { low, high } =
    found.type === 'Period'
      ? periodOf(found.value as Period)
      : (rangeOfElement(found) ?? { low: Infinity, high: Infinity })
  const start = Number.isFinite(low) ? low : high
  return Number.isFinite(start) ? start : undefined
}

/** In milliseconds; the low end is included, the high end is not. */
type Range = { readonly low: number; readonly high: number }

/**
 * "The range after 2015-08-12T05:23:45 includes any time after 2015-08-12T05:23:45.000000000000000": what begins after the first instant, or
 * continues after it. A value that states its beginning or end to the second may be at that instant.
 */
const isAfterMoment = (search: Range, target: Range): boolean =>
  dateTests.gt(search, target, 0) ||
  target.low > search.low ||
  (target.low !== search.low && target.high > search.low && target.high < search.high)

/** "search" is the range of the search value, "target" that of the resource. */
const dateTests: Readonly<Record<Prefix, (search: Range, target: Range, now: number) => boolean>> = {
  // "the range of the search value fully contains the range of the target value"
  eq: (search, target) => contains(search, target),
  ne: (search, target) => !contains(search, target),
  // "the range above the search value intersects (i.e. overlaps) with the range of the target value"
  gt: (search, target) => target.high > search.high,
  lt: (search, target) => target.low < search.low,
  // "… or the range of the search value …": some part of the target lies in it or beyond it
  ge: (search, target) => target.high > search.low,
  le: (search, target) => target.low < search.high,
  // "does not overlap …, and the range above the search value contains the range of the target value"
  sa: (search, target) => target.low >= search.high,
  eb: (search, target) => target.high <= search.low,
  // "for a date, 10% of the gap between now and the date"
  ap: (search, target, now) => {
    const margin = Math.round(Math.max(search.low - now, now - search.high, 0) / 10)
    return target.low < search.high + margin && target.high > search.low - margin
  },
}

const contains = (outer: Range, inner: Range): boolean => inner.low >= outer.low && inner.high <= outer.high

const rangeOfElement = ({ type, value }: Found): Range | undefined => {
  if (type === 'Period') return rangeOfPeriod(value as Period)
  if (type === 'Timing') return rangeOfTiming(value as Timing)
  return dates.has(type) ? rangeOf(String(value)) : undefined
}

const dates = new Set(['date', 'dateTime', 'instant'])

type Period = { readonly start?: string; readonly end?: string }

/** "If the lower bound is missing, it is less than any actual date; a missing upper bound is greater than any." */
const rangeOfPeriod = ({ start, end }: Period): Range => ({
  low: (start === undefined ? undefined : rangeOf(start)?.low) ?? -Infinity,
  high: (end === undefined ? undefined : rangeOf(end)?.high) ?? Infinity,
})

/** The same for sorting, for which an end counts by its first instant. */
const periodOf = ({ start, end }: Period): Range => ({
  low: (start === undefined ? undefined : rangeOf(start)?.low) ?? -Infinity,
  high: (end === undefined ? undefined : rangeOf(end)?.low) ?? Infinity,
})

type Timing = { readonly event?: readonly string[]; readonly repeat?: { readonly boundsPeriod?: Period } }

/** "the specified scheduling details are ignored and only the outer limits matter"; one without limits is at no time. */
const rangeOfTiming = ({ event = [], repeat }: Timing): Range | undefined => {
  const ranges = event.map(rangeOf).filter(range => range !== undefined)
  if (repeat?.boundsPeriod !== undefined) ranges.push(rangeOfPeriod(repeat.boundsPeriod))
  if (ranges.length === 0) return undefined
  return {
    low: Math.min(...ranges.map(range => range.low)),
    high: Math.max(...ranges.map(range => range.high)),
  }
}

const pattern = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/

/** Everything that the text may mean: `2013-01` is a whole month, a time covers its minute, second or last digit. UTC if no zone is given. */
const rangeOf = (text: string): Range | undefined => {
  const found = pattern.exec(text)
  if (found === null) return undefined
  const [, year = '', month, day, minutes, seconds, fraction, zone = 'Z'] = found
  if (minutes === undefined) return rangeOfDay(Number(year), month, day)
  const whole = Date.parse(`${year}-${month}-${day}T${minutes}:${seconds ?? '00'}${zone}`)
  if (Number.isNaN(whole)) return undefined
  if (seconds === undefined) return { low: whole, high: whole + 60_000 }
  const low = whole + Number(`0.${fraction ?? 0}`) * 1000
  return { low, high: low + 1000 / 10 ** (fraction?.length ?? 0) }
}

const rangeOfDay = (year: number, month: string | undefined, day: string | undefined): Range => {
  const low = utc(year, Number(month ?? 1), Number(day ?? 1))
  if (month === undefined) return { low, high: utc(year + 1, 1, 1) }
  return { low, high: day === undefined ? utc(year, Number(month) + 1, 1) : utc(year, Number(month), Number(day) + 1) }
}

/** Date.UTC would read the years below 100 as 19xx. */
const utc = (year: number, month: number, day: number): number => new Date(0).setUTCFullYear(year, month - 1, day)
