import type { Period } from '@medplum/fhirtypes'
import { bounded, intervalOf, isDay } from '../../fhir/date.ts'
import { wordsFor } from '../../messages/catalogue.ts'

/**
 * The first and the last day of a period, as they are typed into a form; empty if it has no such bound. R4 also lets a month or a year be named
 * alone: the period then begins with its first day, and ends after its last one. A moment is shown as the day in which it is written.
 */
export const firstDayOf = ({ start = '' }: Period): string => dayOf(start, 'low')

export const lastDayOf = ({ end = '' }: Period): string => dayOf(end, 'high')

/** What staff are told of it, as a part of a sentence; undefined if it has no bound. Days of studies are in UTC. */
export const daysText = (period: Period): string | undefined => {
  const [start, end] = [dayInWords(firstDayOf(period)), dayInWords(lastDayOf(period))]
  if (start === '') return end === '' ? undefined : `until ${end} (UTC)`
  return end === '' ? `from ${start} on (UTC)` : `from ${start} to ${end} (UTC)`
}

/** For staff, whose pages are in English. */
export const dayInWords = (day: string): string => (isDay(day) ? wordsFor('en').day(new Date(day)) : day)

/** How staff write one into a form. */
export const asDay = 'that exists, with its month as a word, such as 31 January 2026'

const dayOf = (text: string, edge: 'low' | 'high'): string => {
  const interval = text.includes('T') ? undefined : intervalOf(text)
  if (interval === undefined) return text.slice(0, 10)
  const bound = Date.parse(bounded(interval)[edge])
  return new Date(edge === 'low' ? bound : bound - 1).toISOString().slice(0, 10)
}
