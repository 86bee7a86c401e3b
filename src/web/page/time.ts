import { intervalOf } from '../../fhir/date.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'

/** A moment, in the time zone of whoever reads it; where nothing runs in their browser, in UTC, which is said. */
export const moment = (time: Date, words: Words = wordsFor('en')): Html =>
  html`<time datetime="${time.toISOString()}">${words.moment(time)}</time>`

/**
 * A day of the calendar is the same day everywhere; what says the hour is a moment. Of a month or a year it is the first day, or
 * the last. https://hl7.org/fhir/R4/datatypes.html#dateTime
 */
export const dayOrMoment = (text: string, words: Words, end: 'first' | 'last' = 'first'): Html | string => {
  if (text.includes('T')) return moment(new Date(intervalOf(text)?.low ?? text), words)
  const high = end === 'last' ? intervalOf(text)?.high : undefined
  return words.day(high === undefined ? new Date(text) : new Date(Date.parse(high) - 1))
}

/** A text of the catalogue in which elements stand where values do. */
export const phrase = (
  words: Words,
  key: Parameters<Words['parts']>[0],
  values: Readonly<Record<string, Html | string>>,
): Html => html`${words.parts(key).map((part, index) => (index % 2 === 1 ? values[part] : part))}`
