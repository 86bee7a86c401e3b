import { bounded, intervalOf } from '../../fhir/date.ts'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'

/** A moment in the time zone of the reader; without scripts in UTC, which is stated. The script also writes it, and days, in the reader's form. */
export const moment = (time: Date, words: Words = wordsFor('en')): Html =>
  html`<time datetime="${time.toISOString()}">${words.moment(time)}</time>`

/**
 * A calendar day is the same day everywhere, while a text with an hour is a moment. For a month or a year, the first or the last day. What is neither
 * stays as it is.
 * https://hl7.org/fhir/R4/datatypes.html#dateTime
 */
export const dayOrMoment = (text: string, words: Words, end: 'first' | 'last' = 'first'): Html | string => {
  const interval = intervalOf(text)
  if (interval === undefined) return text
  const { low, high } = bounded(interval)
  if (text.includes('T')) return moment(new Date(low), words)
  const day = new Date(end === 'last' ? Date.parse(high) - 1 : low)
  return html`<time datetime="${day.toISOString().slice(0, -'T00:00:00.000Z'.length)}">${words.day(day)}</time>`
}

/** A text of the catalogue with elements in the place of its values; a number chooses the plural. */
export const phrase = (
  words: Words,
  key: Parameters<Words['parts']>[0],
  values: Readonly<Record<string, Html | string | number>>,
): Html => {
  const numbers = Object.entries(values).flatMap(([name, value]) => (typeof value === 'number' ? [[name, value]] : []))
  const shown = (value: Html | string | number | undefined) => (typeof value === 'number' ? words.number(value) : value)
  const parts = words.parts(key, Object.fromEntries(numbers))
  return html`${parts.map((part, index) => (index % 2 === 1 ? shown(values[part]) : part))}`
}
