import { nearestInstant } from './date.ts'
import { addDays, dayOf, daysBetween, offsetMs } from './timezone.ts'

/** How far ahead of UTC a clock is, since an instant and until that of the next. */
export type Offset = { readonly since: string; readonly seconds: number }

/**
 * The offsets of a time zone in the period and the days around it, in order; the first has no beginning. With them the database needs no time
 * zones of its own: it learns by other updates that a law has changed the clocks, and would count for one day what is shown for another. Of a
 * period that is too long, those of the century in which devices measure.
 */
export const offsetsBetween = (from: string, to: string, timezone: string): readonly Offset[] =>
  changesBetween(from, to, timezone).map(({ sinceMs, aheadMs }) => ({
    since: sinceMs === Number.NEGATIVE_INFINITY ? '-infinity' : nearestInstant(sinceMs),
    seconds: aheadMs / 1000,
  }))

/** When each day that the period touches begins, as `startOfDay` says; faster, if there are many. */
export const startsOfDays = (from: string, to: string, timezone: string): readonly string[] => {
  const changes = changesBetween(from, to, timezone)
  const [first, last] = [dayOf(Date.parse(from), timezone), dayOf(Date.parse(to) - 1, timezone)]
  return Array.from({ length: daysBetween(first, last) + 1 }, (_, index) => {
    const midnight = Date.parse(`${addDays(first, index)}T00:00:00Z`)
    const starts = changes.map(({ sinceMs, aheadMs }) => Math.max(sinceMs, midnight - aheadMs))
    const start = starts.find((start, place) => start < (changes[place + 1]?.sinceMs ?? Number.POSITIVE_INFINITY))
    return nearestInstant(start ?? midnight)
  })
}

type Change = { readonly sinceMs: number; readonly aheadMs: number }

const changesBetween = (from: string, to: string, timezone: string): readonly Change[] => {
  const [begin, end] = probed(Date.parse(from), Date.parse(to))
  let aheadMs = offsetMs(begin, timezone)
  const changes: Change[] = [{ sinceMs: Number.NEGATIVE_INFINITY, aheadMs }]
  for (let time = begin; time < end; time += apartMs) {
    const next = offsetMs(time + apartMs, timezone)
    if (next === aheadMs) continue
    changes.push({ sinceMs: changeBetween(time, time + apartMs, timezone), aheadMs: next })
    aheadMs = next
  }
  return changes
}

const probed = (from: number, to: number): readonly [number, number] =>
  to - from > longestMs ? [Date.UTC(1950), Date.UTC(2050)] : [from - aroundMs, to + aroundMs]

/** The first second with the offset of the end. */
const changeBetween = (begin: number, end: number, timezone: string): number => {
  const before = offsetMs(begin, timezone)
  let [low, high] = [Math.floor(begin / 1000), Math.ceil(end / 1000)]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetMs(middle * 1000, timezone) === before) low = middle
    else high = middle
  }
  return high * 1000
}

const dayMs = 86_400_000
/** A date alone is a day in UTC, which may be a day earlier or later elsewhere. */
const aroundMs = 3 * dayMs
/** No clock was ever changed twice within less than a week. */
const apartMs = 6 * dayMs
const longestMs = 100 * 366 * dayMs
