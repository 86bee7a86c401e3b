import { isDay } from '../../fhir/date.ts'
import { withAsciiDigits } from '../../messages/ascii-digits.ts'
import type { Words } from '../../messages/catalogue.ts'
import { namedMonth } from './month-name.ts'
import { isWeekdayOf } from './weekday-name.ts'

/**
 * A day in words, in any of our languages and orders, or year, month and day, also with other marks than `-` between them or none, and in the digits
 * of any script. With the year last it counts if it can be one day only: 22/12/1993, and not 03/04/1993. Empty if it is written in none of these
 * ways, or there is no such day.
 */
export const dayIn = (text: string): string => {
  const plain = withAsciiDigits(text).trim()
  const days = new Set([dayInWords(plain), ...daysInNumbers(plain)].filter(isDay))
  return days.size === 1 ? [...days].join('') : ''
}

const daysInNumbers = (text: string): readonly string[] => {
  const [, year = '', month = '', day = ''] =
    /^(\d{4})[\p{Pd}./ ](\d{1,2})[\p{Pd}./ ](\d{1,2})$/u.exec(text) ?? /^(\d{4})(\d\d)(\d\d)$/.exec(text) ?? []
  if (year !== '') return [isoDay(year, month, day)]
  const [, one = '', other = '', last = ''] = /^(\d{1,2})[\p{Pd}./ ](\d{1,2})[\p{Pd}./ ](\d{4})$/u.exec(text) ?? []
  return [isoDay(last, other, one), isoDay(last, one, other)]
}

/** January 2026, or enero de 2026, as 2026-01; empty if it is no month. */
const monthIn = (text: string): string => {
  const parts = partsOf(withAsciiDigits(text))
  const [months, years] = [parts.flatMap(part => namedMonth(part) ?? []), parts.filter(part => /^\d{4}$/.test(part))]
  return parts.length === 2 && months.length === 1 && years.length === 1 ? `${years.join('')}-${months.join('')}` : ''
}

/** 31 January 2026, Jan 31st, 2026, sábado, 31 de enero de 2026: the month says which number is which. Empty if it is none, or of another weekday. */
const dayInWords = (text: string): string => {
  const parts = partsOf(text)
  const day = dayOfParts(parts.slice(-3))
  const before = parts.slice(0, -3)
  return before.length === 0 || (before.length === 1 && isWeekdayOf(day, before.join(''))) ? day : ''
}

const partsOf = (text: string): readonly string[] =>
  text.match(/\d+|\p{L}+/gu)?.filter(part => !beside.has(part.toLowerCase())) ?? []

const dayOfParts = (parts: readonly string[]): string => {
  const months = parts.flatMap(part => namedMonth(part) ?? [])
  const days = parts.filter(part => /^\d{1,2}$/.test(part))
  const years = parts.filter(part => /^\d{4}$/.test(part))
  const isOne = [months, days, years].every(({ length }) => length === 1)
  return isOne ? isoDay(years.join(''), months.join(''), days.join('')) : ''
}

/** What stands beside the parts of a day, such as in 1.º de enero. */
const beside = new Set(['de', 'del', 'el', 'of', 'the', 'st', 'nd', 'rd', 'th', 'º', 'o', 'ro', 'ero'])

/** As it stands in a field: in words if it is a day that is read from them, with a year of four digits, or else as it was typed. */
export const dayShown = (text: string, words: Words): string =>
  isDay(text) && !text.startsWith('0') ? words.day(new Date(text)) : text

/** The same of a date of which the day may be unknown. https://hl7.org/fhir/R4/datatypes.html#dateTime */
export const dateShown = (text: string, words: Words): string =>
  /^(?!0)\d{4}-\d\d$/.test(text) && isDay(`${text}-01`) ? words.month(new Date(text)) : dayShown(text, words)

/** What a script needs for a button that opens a calendar beside the field. */
export const calendarOf = (text: string, { say }: Words) => ({
  calendar: { label: say('day.calendar'), day: isDay(text.slice(0, 10)) ? text.slice(0, 10) : '' },
})

/** The day as it is written in addresses, or what was typed if it is none. */
export const dayAsked = (text: string): string => dayIn(text) || text.trim()

/** The same if it may be a month or a year alone. */
export const dateAsked = (text: string): string => dayIn(text) || monthIn(text) || text.trim()

/** Why a page shows nothing of a day; undefined if it can. */
export const dayProblem = (text: string): 'day' | 'range' | undefined => {
  if (!isDay(text)) return 'day'
  return /^(?:19|20)/.test(text) ? undefined : 'range'
}

const isoDay = (year: string, month: string, day: string): string =>
  [year, month.padStart(2, '0'), day.padStart(2, '0')].join('-')
