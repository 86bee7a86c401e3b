import { intervalOf, isDay } from '../../fhir/date.ts'
import { addDays, dayOf, momentIn, startOfDay } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { dayIn, dayShown } from '../page/typed-day.ts'

/** The two ends of a Period, which are both part of it. https://hl7.org/fhir/R4/datatypes.html#Period */
export type Edge = 'start' | 'end'

/** The beginning or end of a whole day in a time zone, as in a Period; undefined if the text is no day of these centuries. */
export const edgeOfDay = (text: string, edge: Edge, timezone: string): string | undefined => {
  if (!/^(?:19|20)/.test(text) || !isDay(text)) return undefined
  const time = edge === 'start' ? startOfDay(text, timezone) : startOfDay(addDays(text, 1), timezone) - 1
  return momentIn(time, timezone)
}

/** The first moment in the Period, or after it, in ms since 1970; undefined if the text is no date, or as good as infinite. */
export const boundOf = (text: string, edge: Edge): number | undefined => {
  const interval = intervalOf(text)
  const time = Date.parse((edge === 'start' ? interval?.low : interval?.high) ?? '')
  return Number.isNaN(time) ? undefined : time
}

/** What a form has in the place of such a text: the day in words, and the minute. */
export const edgeShown = (text: string, words: Words): string =>
  text.replace(/^\d{4}-\d\d-\d\d(?=$| \d\d:\d\d$)/, day => dayShown(day, words))

/** The same text again, from what somebody has sent; what has no day in it, as it is. */
export const edgeAsked = (text: string): string => {
  const [, typed = text, minute = ''] = /^(.*\S)\s+(\d\d:\d\d)$/.exec(text) ?? []
  const day = dayIn(typed)
  return day === '' ? text : `${day} ${minute}`.trim()
}

/** As in a form: the day, if a day of the time zone begins or ends there, or else the day and minute by its clock. */
export const edgeIn = (text: string, edge: Edge, timezone: string): string => {
  const bound = boundOf(text, edge)
  if (bound === undefined) return text
  const day = dayOf(edge === 'start' ? bound : bound - 1, timezone)
  const next = startOfDay(edge === 'start' ? day : addDays(day, 1), timezone)
  return bound === next ? day : momentIn(bound, timezone).slice(0, 16).replace('T', ' ')
}
