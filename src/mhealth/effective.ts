import { extensions } from '../fhir/canonical.ts'
import { isDay, momentsOf } from '../fhir/date.ts'
import type { Steps } from '../fhir/give-way.ts'
import { decimalText } from '../fhir/json.ts'
import { unknownEnd } from '../fhir/unknown-end.ts'
import { hasZone, instantOf, moveBy, toDateTime } from './date-time.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { unitMeant } from './unit-spelling.ts'

/** When it was measured, as in R4, and remarks on what a reader of the document would not expect of that. */
export type Effective = {
  readonly element: { readonly effectiveDateTime: string } | { readonly effectivePeriod: Period }
  readonly notes: readonly string[]
}

type Period = {
  readonly start?: string
  readonly end?: string
  readonly _end?: object
  readonly extension?: readonly { readonly url: string; readonly valueCode: string }[]
}

/** The effective time of a body, also in forms that its schema refuses; the time zone is kept as the source gave it. */
export const effectiveOf = (body: JsonRecord): Effective | undefined => {
  const frame = asRecord(body.effective_time_frame)
  if (frame === undefined) return undefined
  const dateTime = toDateTime(frame.date_time)
  if (dateTime !== undefined) return { element: { effectiveDateTime: dateTime }, notes: zoneNotes(frame.date_time) }
  const day = dayIn(frame.full_date) ?? dayIn(frame.date_time)
  if (day !== undefined) return { element: { effectiveDateTime: day }, notes: [] }
  const interval = asRecord(frame.time_interval)
  return interval && intervalOf(interval)
}

const intervalOf = (interval: JsonRecord): Effective | undefined => {
  const period = partOfDay(interval) ?? boundsOf(interval)
  if (period.start === undefined && period.end === undefined) return undefined
  return {
    element: { effectivePeriod: period },
    notes: [...zoneNotes(interval.start_date_time), ...zoneNotes(interval.end_date_time)],
  }
}

const boundsOf = (interval: JsonRecord): Period => {
  const start = toDateTime(interval.start_date_time)
  const end = toDateTime(interval.end_date_time)
  return bounded(
    start ?? dayIn(interval.start_date_time) ?? moved(end, interval, -1),
    end ?? dayIn(interval.end_date_time) ?? moved(start, interval, 1),
  )
}

/** A date in the place of a time: the time of day is unknown. */
const dayIn = (text: unknown): string | undefined => (typeof text === 'string' && isDay(text) ? text : undefined)

/** A measured interval has ended, so a missing end is an unknown one. */
const bounded = (start: string | undefined, end: string | undefined): Period => {
  if (start === undefined) return end === undefined ? {} : { end }
  return end === undefined ? { start, ...unknownEnd } : { start, end }
}

const moved = (from: string | undefined, interval: JsonRecord, direction: 1 | -1): string | undefined => {
  const duration = asRecord(interval.duration)
  const amount = Number(decimalText(duration?.value))
  const unit = duration?.unit
  if (from === undefined || typeof unit !== 'string') return undefined
  return moveBy(from, direction * amount, unitMeant(unit, 'duration') ?? unit)
}

/** Whether `duration` agrees with start and end, to the second. */
export const isConsistentDuration = (interval: JsonRecord): boolean => {
  const start = toDateTime(interval.start_date_time)
  const end = toDateTime(interval.end_date_time)
  const computed = moved(start, interval, 1)
  if (end === undefined || computed === undefined) return false
  return Math.abs(instantOf(computed) - instantOf(end)) < 1000
}

const parts: ReadonlySet<unknown> = new Set(['morning', 'afternoon', 'evening', 'night'])

/** The hours and the time zone are not given. Known are the date, and the part of that day by its name. */
const partOfDay = (interval: JsonRecord): Period | undefined => {
  const { part_of_day: part } = interval
  const date = dayIn(interval.date)
  if (!parts.has(part) || date === undefined) return undefined
  return { extension: [{ url: extensions.approximateTime, valueCode: String(part) }], start: date, end: date }
}

const zoneNotes = (text: unknown): readonly string[] =>
  typeof text === 'string' && !hasZone(text) && toDateTime(text) !== undefined
    ? [`${text} has no time zone and was read as UTC`]
    : []

/** Whether it lasted for 24 hours, or from one midnight to the next by a clock that was changed between them. */
export const isOneDay = (effective: Effective | undefined): boolean => {
  if (effective === undefined || !('effectivePeriod' in effective.element)) return false
  const { start, end } = effective.element.effectivePeriod
  if (start === undefined || end === undefined) return false
  const length = instantOf(end) - instantOf(start)
  return length === dayMs || (Math.abs(length - dayMs) <= hourMs && midnight.test(start) && midnight.test(end))
}

const midnight = /T00:00:00(?:\.0+)?(?:Z|[+-])/
const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** From the first start to the last end of a series. If a bound is missing in one of them, it is unknown for the whole. */
export const spanOf = function* (effectives: readonly Effective[]): Steps<Effective | undefined> {
  const start = yield* extreme(effectives, 'start')
  const end = yield* extreme(effectives, 'end')
  if (start === undefined && end === undefined) return undefined
  const notes = new Set<string>()
  for (const one of effectives) for (const note of one.notes) notes.add(note)
  return { element: { effectivePeriod: bounded(start, end) }, notes: [...notes] }
}

const extreme = function* (effectives: readonly Effective[], side: 'start' | 'end'): Steps<string | undefined> {
  let best: string | undefined
  let edge = Number.NaN
  for (const [index, effective] of effectives.entries()) {
    yield
    const time = boundOf(effective, side)
    if (time === undefined) return undefined
    const own = edgeOf(time, side)
    if (index === 0 || (side === 'start' ? own < edge : own > edge)) [best, edge] = [time, own]
  }
  return best
}

const boundOf = ({ element }: Effective, side: 'start' | 'end'): string | undefined =>
  'effectiveDateTime' in element ? element.effectiveDateTime : element.effectivePeriod[side]

/** The moment of a bound; the end of a day is its last moment. */
const edgeOf = (text: string, side: 'start' | 'end'): number => {
  const moments = momentsOf(text)
  return (side === 'start' ? moments?.low : moments?.high) ?? Number.NaN
}
