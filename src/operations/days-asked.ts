import { isDay } from '../fhir/date.ts'
import { addDays, beginningOfDay, daysBetween } from '../fhir/timezone.ts'
import { refusal } from '../search/refusal.ts'
import { endBeforeStart, only } from './parameters.ts'
import { timezoneOf } from './readings-asked.ts'

/** Whole days of a time zone, including the last one, and the instants at which they begin and end. */
export type DaysAsked = {
  readonly first: string
  readonly last: string
  readonly timezone: string
  readonly from: string
  readonly to: string
}

/** Reads `start`, `end` and `timezone`. */
export const daysAskedIn = (given: URLSearchParams): DaysAsked => {
  const timezone = timezoneOf(given)
  const [first, last] = [dayIn(given, 'start'), dayIn(given, 'end')]
  const days = daysBetween(first, last) + 1
  if (days < 1) throw endBeforeStart()
  if (days > mostDays) throw refusal('end', `At most ${mostDays} days, not ${days}`)
  return {
    first,
    last,
    timezone,
    from: beginningOfDay(first, timezone),
    to: beginningOfDay(addDays(last, 1), timezone),
  }
}

const mostDays = 366

const dayIn = (given: URLSearchParams, name: 'start' | 'end'): string => {
  const text = only(given, name)
  if (text !== undefined && isDay(text)) return text
  const said = text === undefined ? '' : `, not "${text}"`
  throw refusal(name, `${name} is required, and is a day such as 2026-03-31${said}`)
}
