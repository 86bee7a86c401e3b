import { isDay } from '../../fhir/date.ts'
import { languageCodes } from '../../messages/catalogue.ts'
import { lettersOf } from './month-name.ts'

/** Whether the text is the name of that day of the week in a language of ours, or three letters of it or more. */
export const isWeekdayOf = (day: string, text: string): boolean => {
  const plain = lettersOf(text)
  if (plain.length < 3 || !isDay(day)) return false
  return weekdays.some(weekday => lettersOf(weekday.format(new Date(day))).startsWith(plain))
}

const weekdays = languageCodes.map(code => new Intl.DateTimeFormat(code, { weekday: 'long', timeZone: 'UTC' }))
