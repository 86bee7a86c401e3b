import { isDay } from '../../fhir/date.ts'
import { withAsciiDigits } from '../../messages/ascii-digits.ts'

/**
 * Year, month and day, also with other marks than `-` between them or none, and in the digits of any script. With the year last it counts if it can be one
 * day only: 22/12/1993, and not 03/04/1993. Empty if it is written in none of these ways.
 */
export const dayIn = (text: string): string => {
  const plain = withAsciiDigits(text).trim()
  const [, year = '', month = '', day = ''] =
    /^(\d{4})[\p{Pd}./ ](\d{1,2})[\p{Pd}./ ](\d{1,2})$/u.exec(plain) ?? /^(\d{4})(\d\d)(\d\d)$/.exec(plain) ?? []
  if (year !== '') return isoDay(year, month, day)
  const [, one = '', other = '', last = ''] = /^(\d{1,2})[\p{Pd}./ ](\d{1,2})[\p{Pd}./ ](\d{4})$/u.exec(plain) ?? []
  const days = new Set([isoDay(last, other, one), isoDay(last, one, other)].filter(isDay))
  return days.size === 1 ? [...days].join('') : ''
}

/** The day as it is written in addresses, or what was typed if it is none. */
export const dayAsked = (text: string): string => dayIn(text) || text.trim()

/** Why a page shows nothing of a day; undefined if it can. */
export const dayProblem = (text: string): 'day' | 'range' | undefined => {
  if (!isDay(text)) return 'day'
  return /^(?:19|20)/.test(text) ? undefined : 'range'
}

const isoDay = (year: string, month: string, day: string): string =>
  [year, month.padStart(2, '0'), day.padStart(2, '0')].join('-')
