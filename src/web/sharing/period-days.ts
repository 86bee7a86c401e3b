import { intervalOf, isDay } from '../../fhir/date.ts'
import { addDays, dayOf, momentIn, startOfDay } from '../../fhir/timezone.ts'

/** The two ends of a Period, both of which are in it. https://hl7.org/fhir/R4/datatypes.html#Period */
export type Edge = 'start' | 'end'

/** Where a whole day begins or ends in a time zone, as a Period says it; undefined where the text is no day of these centuries. */
export const edgeOfDay = (text: string, edge: Edge, timezone: string): string | undefined => {
  if (!/^(?:19|20)/.test(text) || !isDay(text)) return undefined
  const time = edge === 'start' ? startOfDay(text, timezone) : startOfDay(addDays(text, 1), timezone) - 1
  return momentIn(time, timezone)
}

/** The first moment that is in the Period, or behind it, in ms since 1970; undefined where the text is no date, or as good as infinite. */
export const boundOf = (text: string, edge: Edge): number | undefined => {
  const interval = intervalOf(text)
  const time = Date.parse((edge === 'start' ? interval?.low : interval?.high) ?? '')
  return Number.isNaN(time) ? undefined : time
}

/** As a form says it: the day, where a day of the time zone begins or ends there, else day and minute by its clock. */
export const edgeIn = (text: string, edge: Edge, timezone: string): string => {
  const bound = boundOf(text, edge)
  if (bound === undefined) return text
  const day = dayOf(edge === 'start' ? bound : bound - 1, timezone)
  const next = startOfDay(edge === 'start' ? day : addDays(day, 1), timezone)
  return bound === next ? day : momentIn(bound, timezone).slice(0, 16).replace('T', ' ')
}
