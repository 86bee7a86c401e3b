import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { splitPrefix } from '../prefix.ts'
import { valueRefusal } from '../refusal.ts'
import type { Interval, Value } from '../value.ts'
import { intervalIn } from '../written-value.ts'

/** https://hl7.org/fhir/R4/search.html#date: a partial date means all of its year, month, day … */
export const parseDate = (parameter: SearchParameter, text: string, now = new Date()): Value => {
  const { prefix, rest } = splitPrefix(text)
  const interval = intervalIn(rest)
  if (interval === undefined) {
    throw valueRefusal(parameter, text, '[prefix]yyyy, yyyy-mm, yyyy-mm-dd or yyyy-mm-ddThh:mm[:ss[.sss]][Z|±hh:mm]')
  }
  return { kind: 'date', prefix, ...(prefix === 'ap' ? widened(interval, now) : interval) }
}

/** "for a date, 10% of the gap between now and the date", on both sides. */
const widened = (interval: Interval, now: Date): Interval => {
  const [start, end] = [Date.parse(interval.low), Date.parse(interval.high)]
  const margin = Math.round(Math.max(start - now.getTime(), now.getTime() - end, 0) / 10)
  if (Number.isNaN(margin)) return interval
  return { low: toInstant(start - margin), high: toInstant(end + margin) }
}

/** Beyond the years that FHIR can write, there is no bound. */
const toInstant = (time: number): string => {
  const date = new Date(time)
  const year = date.getUTCFullYear()
  if (year < 1) return '-infinity'
  return year > 9999 ? 'infinity' : date.toISOString()
}
