/** Partial dates and times as intervals. https://hl7.org/fhir/R4/datatypes.html#dateTime */

/** From `low`, which is included, to `high`, which is not: instants as UTC text that PostgreSQL reads, including `-infinity` and `infinity`. */
export type Interval = { readonly low: string; readonly high: string }

/**
 * All moments that a date, dateTime or instant may mean: `2026-03` is all of March, a time without fractions its whole second, and one with
 * fractions as long as its last digit. Without a zone it is UTC. Digits beyond microseconds are dropped. Undefined if the text is no such date.
 */
export const intervalOf = (text: string): Interval | undefined => {
  const found = read(text)
  return found && { low: toText(found.low, found.digits), high: toText(found.high, found.digits) }
}

/** Without infinite bounds: from the first moment that FHIR can write, to the last one. */
export const bounded = ({ low, high }: Interval): Interval => ({ low: finite(low), high: finite(high) })

const finite = (bound: string): string => {
  if (bound === '-infinity') return nearestInstant(-Infinity)
  return bound === 'infinity' ? nearestInstant(Infinity) : bound
}

/** The moment, or else the first or last one that FHIR can write. */
export const nearestInstant = (timeMs: number): string =>
  new Date(Math.min(Math.max(timeMs, firstMs), endMs - 1)).toISOString()

/** The same in ms since 1970, without making texts of them; NaN if the year cannot be written in four digits. */
export const momentsOf = (text: string): { readonly low: number; readonly high: number } | undefined => {
  const found = read(text)
  return found && { low: msOf(found.low), high: msOf(found.high) }
}

/** Whether it is a date to the day, such as 2026-03-31, and no other form of a date. */
export const isDay = (text: string): boolean => text.length === 10 && intervalOf(text) !== undefined

/** It has no bound on a side that is absent or is no date. */
export const intervalOfPeriod = (period: { readonly start?: unknown; readonly end?: unknown }): Interval => ({
  low: bound(period.start)?.low ?? '-infinity',
  high: bound(period.end)?.high ?? 'infinity',
})

/** From the first event or bound to the last; undefined if the Timing has neither. */
export const intervalOfTiming = (timing: {
  readonly event?: unknown
  readonly repeat?: { readonly boundsPeriod?: { readonly start?: unknown; readonly end?: unknown } }
}): Interval | undefined => {
  const events = Array.isArray(timing.event) ? timing.event.map(bound).filter(one => one !== undefined) : []
  const bounds = timing.repeat?.boundsPeriod
  const all = bounds === undefined ? events : [...events, intervalOfPeriod(bounds)]
  const [first, ...rest] = all
  return first === undefined ? undefined : rest.reduce(around, first)
}

/** The smallest interval that holds both. */
export const around = (one: Interval, other: Interval): Interval => ({
  low: isBefore(other.low, one.low) ? other.low : one.low,
  high: isBefore(one.high, other.high) ? other.high : one.high,
})

export const holds = (outer: Interval, inner: Interval): boolean =>
  !isBefore(inner.low, outer.low) && !isBefore(outer.high, inner.high)

/** Compares two bounds, including infinite ones and those of different precision: `-` sorts before digits, `i` after them. */
export const isBefore = (one: string, other: string): boolean => atMicrosecond(one) < atMicrosecond(other)

const atMicrosecond = (bound: string): string =>
  bound.replace(/Z$/, '').padEnd('2026-03-01T12:00:00.000000'.length, '0')

const minuteMs = 60_000
const hourMs = 3_600_000

const pattern =
  /^(\d{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01])(?:T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?(Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?$/

const bound = (value: unknown): Interval | undefined => (typeof value === 'string' ? intervalOf(value) : undefined)

/** Undefined for the 30th of February. Date.UTC would read the years below 100 as 19xx. */
const utc = (year: number, month: number, day: number): number | undefined => {
  if (year === 0) return undefined
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCDate() === day ? date.getTime() : undefined
}

/** Whole ms since 1970, and the microseconds beyond them. */
type Moment = { readonly ms: number; readonly micros: number }

/** `digits`: how many digits of a second are written. */
type Read = { readonly low: Moment; readonly high: Moment; readonly digits: 3 | 6 }

const read = (text: string): Read | undefined => {
  const found = pattern.exec(text)
  if (found === null) return undefined
  const [, year, month, day, hour, minute, second = '00', fraction, zone] = found
  if (hour === undefined) return wholeDays(Number(year), Number(month ?? 0), Number(day ?? 0))
  const whole = utc(Number(year), Number(month), Number(day))
  if (whole === undefined) return undefined
  const time = whole + Number(hour) * hourMs + Number(minute) * minuteMs + Number(second) * 1000 - offsetMs(zone)
  if (fraction === undefined) return between(time, time + (found[6] === undefined ? minuteMs : 1000))
  const digits = fraction.slice(0, 6)
  const micros = Number(digits.padEnd(6, '0'))
  return {
    low: momentAt(time, micros),
    high: momentAt(time, micros + 10 ** (6 - digits.length)),
    digits: digits.length <= 3 ? 3 : 6,
  }
}

const between = (low: number, high: number): Read => ({
  low: { ms: low, micros: 0 },
  high: { ms: high, micros: 0 },
  digits: 3,
})

const momentAt = (second: number, micros: number): Moment => ({
  ms: second + Math.floor(micros / 1000),
  micros: micros % 1000,
})

const wholeDays = (year: number, month: number, day: number): Read | undefined => {
  const low = utc(year, month || 1, day || 1)
  if (low === undefined) return undefined
  const next = new Date(low)
  if (month === 0) next.setUTCFullYear(year + 1)
  else if (day === 0) next.setUTCMonth(month)
  else next.setUTCDate(day + 1)
  return between(low, next.getTime())
}

const offsetMs = (zone: string | undefined): number => {
  if (zone === undefined || zone === 'Z') return 0
  const ms = Number(zone.slice(1, 3)) * hourMs + Number(zone.slice(4)) * minuteMs
  return zone.startsWith('-') ? -ms : ms
}

/** Years that cannot be written in four digits count as infinite. */
const toText = ({ ms, micros }: Moment, digits: 3 | 6): string => {
  if (ms < firstMs) return '-infinity'
  if (ms >= endMs) return 'infinity'
  const text = new Date(ms).toISOString()
  return digits === 3 ? text : `${text.slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}

const msOf = ({ ms }: Moment): number => (ms < firstMs || ms >= endMs ? Number.NaN : ms)

const firstMs = Date.parse('0001-01-01T00:00:00Z')
const endMs = Date.parse('+010000-01-01T00:00:00Z')
