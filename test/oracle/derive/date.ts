import type { Random } from '../random.ts'
import type { Found } from '../values.ts'

const prefixes = ['', '', 'eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb']

/** What `ap` means depends on when it is asked, so the two answers may differ for what was stored just now. */
const settledMs = 86_400_000

/** https://hl7.org/fhir/R4/search.html#date: the date itself, less and more precise, and its neighbours. */
export const deriveDates = (found: Found, random: Random): readonly string[] => {
  const texts = datesOf(found)
  if (texts.length === 0) return []
  const text = random.pick(texts)
  const day = text.slice(0, 10)
  const dates = [text, text, text.slice(0, 4), text.slice(0, 7), day, shifted(day, -1), shifted(day, 1), ...times(text)]
  const possible = Date.now() - Date.parse(text) > settledMs ? [...prefixes, 'ap'] : prefixes
  return dates.flatMap(one => random.some(possible, 2).map(prefix => prefix + one))
}

const datesOf = ({ value }: Found): readonly string[] =>
  typeof value === 'string'
    ? [value]
    : [...JSON.stringify(value).matchAll(/"(\d{4}(?:-\d\d(?:-\d\d(?:T[^"]+)?)?)?)"/g)].map(([, date = '']) => date)

const shifted = (day: string, days: number): string => {
  const time = Date.parse(day)
  return Number.isNaN(time) ? day : new Date(time + days * 86_400_000).toISOString().slice(0, day.length)
}

const times = (text: string): readonly string[] => {
  if (text.length < 10) return []
  const day = text.slice(0, 10)
  return text.length === 10
    ? [`${day}T00:00:00Z`, `${day}T23:59:59+01:00`, `${day}T12:30Z`]
    : [text.replace(/\.\d+/, ''), text.replace(/(?:Z|[+-]\d\d:\d\d)$/, 'Z'), `${text.slice(0, 16)}Z`]
}
