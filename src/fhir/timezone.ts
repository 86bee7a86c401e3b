import { nearestInstant } from './date.ts'

/**
 * Whether the text is UTC, or a name from the IANA's list with its area: those mean the same to everybody. Offsets and abbreviations are not
 * accepted: IST means India here and Israel there. https://www.iana.org/time-zones
 */
export const isTimezone = (text: string): boolean => {
  if (text !== 'UTC' && !named.test(text)) return false
  try {
    clockOf(text)
    return true
  } catch {
    return false
  }
}

const named =
  /^(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Etc|Europe|Indian|Pacific)(?:\/[A-Za-z0-9_+-]+){1,2}$/

/** The day of the moment in the time zone, such as `2026-03-01`. */
export const dayOf = (timeMs: number, timezone: string): string => dateAt(timeMs, offsetMs(timeMs, timezone))

const dateAt = (timeMs: number, offset: number): string => calendarDay(timeMs + offset)

/**
 * The day of each moment. No clock is changed twice within half a day. So if two moments are no further apart, and the offset is the same at
 * both, it is not looked up for those in between.
 */
export const dayOfEach = (timesMs: readonly number[], timezone: string): readonly string[] => {
  let known = { from: 0, to: -1, offset: 0 }
  return timesMs.map(time => {
    if (time < known.from || time > known.to) {
      const offset = offsetMs(time, timezone)
      known = { from: time, to: offsetMs(time + dayMs / 2, timezone) === offset ? time + dayMs / 2 : time, offset }
    }
    return dateAt(time, known.offset)
  })
}

/**
 * When the day begins in the time zone: if it has two midnights, at the first one; if the clock skips midnight, at the moment of the skip. A day
 * that the calendar leaves out begins, and ends, with the next one.
 */
export const startOfDay = (day: string, timezone: string): number => {
  const utc = Date.parse(`${day}T00:00:00Z`)
  const midnights = [utc - dayMs, utc + dayMs].map(near => utc - offsetMs(near, timezone))
  const first = Math.min(...midnights)
  return dayOf(first, timezone) === day ? first : Math.max(...midnights)
}

/** The same as an instant, within the years that FHIR can write. */
export const beginningOfDay = (day: string, timezone: string): string => nearestInstant(startOfDay(day, timezone))

/**
 * The moment by the clock of the time zone, with its offset; in UTC if the offset is not a whole number of minutes.
 * https://hl7.org/fhir/R4/datatypes.html#dateTime
 */
export const momentIn = (timeMs: number, timezone: string): string => {
  const offset = offsetMs(timeMs, timezone)
  if (offset === 0 || offset % minuteMs !== 0) return new Date(timeMs).toISOString()
  const minutes = Math.abs(offset) / minuteMs
  const zone = [Math.floor(minutes / 60), minutes % 60].map(part => String(part).padStart(2, '0')).join(':')
  return new Date(timeMs + offset).toISOString().replace('Z', `${offset < 0 ? '-' : '+'}${zone}`)
}

/** Noon of the day in the time zone, where a date without a time is put. */
export const noonOf = (day: string, timezone: string): number => {
  const utc = Date.parse(`${day}T12:00:00Z`)
  return utc - offsetMs(utc - offsetMs(utc, timezone), timezone)
}

/** The day that many days later. */
export const addDays = (day: string, days: number): string => calendarDay(Date.parse(`${day}T00:00:00Z`) + days * dayMs)

/** A year behind 9999 has more digits, and a sign. */
const calendarDay = (timeMs: number): string => new Date(timeMs).toISOString().split('T', 1)[0] ?? ''

/** How many days it is from one day to the other. */
export const daysBetween = (one: string, other: string): number => (Date.parse(other) - Date.parse(one)) / dayMs

const dayMs = 86_400_000
const minuteMs = 60_000

/**
 * By how much the clock of the time zone is ahead of UTC. Before there were time zones, each place always had its own mean time; Date.UTC would read
 * the years below 100 as 19xx.
 */
export const offsetMs = (someMs: number, timezone: string): number => {
  const timeMs = Math.max(someMs, beforeTimezonesMs)
  const parts = clockOf(timezone).formatToParts(timeMs)
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find(one => one.type === type)?.value)
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return local - Math.floor(timeMs / 1000) * 1000
}

const beforeTimezonesMs = Date.UTC(1000)

/** Kept by the name in small letters: a clock takes 30 KB, and somebody might ask for one zone in all spellings. */
const clockOf = (timezone: string): Intl.DateTimeFormat => {
  const name = timezone.toLowerCase()
  const clock = clocks.get(name) ?? new Intl.DateTimeFormat('en-US', { ...clockParts, timeZone: timezone })
  clocks.set(name, clock)
  return clock
}
const clocks = new Map<string, Intl.DateTimeFormat>()

const clockParts = {
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
} as const
