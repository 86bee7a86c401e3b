import { intervalOf, isBefore } from '../../fhir/date.ts'

type Period = { readonly start?: string; readonly end?: string }
/** An event of which only an extension says something is null. */
type Timing = { readonly event?: readonly (string | null)[]; readonly repeat?: { readonly boundsPeriod?: Period } }

/** The effective time of an Observation, in any form. */
export type Timed = {
  readonly effectiveDateTime?: string
  readonly effectiveInstant?: string
  readonly effectivePeriod?: Period
  readonly effectiveTiming?: Timing
}

type Cells = { readonly start: string | undefined; readonly end: string | undefined }

/** From when until when, as written in the Observation; of several times, the first and the last. */
export const timeCells = (timed: Timed): Cells => {
  const { effectiveDateTime, effectiveInstant, effectivePeriod = {}, effectiveTiming } = timed
  const { start, end } = effectiveTiming === undefined ? effectivePeriod : periodOf(effectiveTiming)
  return { start: effectiveDateTime ?? effectiveInstant ?? start, end }
}

const periodOf = ({ event = [], repeat }: Timing): Period => {
  const { start, end } = repeat?.boundsPeriod ?? {}
  const events = event.filter(one => one !== null)
  const first = [...events, ...(start === undefined ? [] : [start])].reduce(earlier, undefined)
  const last = [...(events.length > 1 ? events : []), ...(end === undefined ? [] : [end])].reduce(later, undefined)
  return { ...(first !== undefined && { start: first }), ...(last !== undefined && { end: last }) }
}

const earlier = (one: string | undefined, other: string): string =>
  one === undefined || isBefore(lowOf(other), lowOf(one)) ? other : one

const later = (one: string | undefined, other: string): string =>
  one === undefined || isBefore(lowOf(one), lowOf(other)) ? other : one

const lowOf = (text: string): string => intervalOf(text)?.low ?? text
