import { bounded, type Interval } from '../fhir/date.ts'
import { mistakenStatuses } from '../fhir/measured/mistaken.ts'
import type { Registry } from '../fhir/registry.ts'
import { beginningOfDay, isTimezone } from '../fhir/timezone.ts'
import { type Expression, or } from '../search/expression.ts'
import { parseCriteria } from '../search/parse.ts'
import { refusal } from '../search/refusal.ts'
import { intervalIn } from '../search/written-value.ts'
import type { ReadingsAsked } from '../storage/figures/figures.ts'
import { endBeforeStart, only } from './parameters.ts'

export type Code = ReadingsAsked['codes'][number]

/** A Patient's readings, and which of them do not count: those that were entered in error or cancelled. */
export const readingsOfPatient = (
  registry: Registry,
  patient: string,
): { readonly patient: string; readonly where: Expression; readonly mistaken: Expression } => ({
  patient,
  where: parseCriteria(registry, 'Observation', new URLSearchParams({ subject: `Patient/${patient}` })),
  mistaken: mistakenReadings(registry),
})

const mistakenReadings = (registry: Registry): Expression =>
  parseCriteria(registry, 'Observation', new URLSearchParams({ status: mistakenStatuses.join(',') }))

/**
 * Readings that are left out: the mistaken ones, and Observations that say why there is no value and have none in any component, since nothing
 * was measured then.
 */
export const emptyReadings = (registry: Registry): Expression => {
  const criteria = { 'data-absent-reason': absentReasons.join(','), ...noValue }
  return or(mistakenReadings(registry), parseCriteria(registry, 'Observation', new URLSearchParams(criteria)))
}

/**
 * Reasons that mean nothing was measured. Those for something that was measured, but is expressed differently, are left out.
 * https://hl7.org/fhir/R4/valueset-data-absent-reason.html
 */
const absentReasons = [
  'unknown',
  'asked-unknown',
  'temp-unknown',
  'not-asked',
  'asked-declined',
  'masked',
  'not-applicable',
  'unsupported',
  'error',
  'not-a-number',
  'not-performed',
  'not-permitted',
] as const

const noValue = { 'combo-value-quantity:missing': 'true', 'combo-value-concept:missing': 'true' } as const

/** The period, which includes both ends, as a Period does; without an end it lasts until now. Dates are those of the given time zone. */
export const periodOf = (given: URLSearchParams): { readonly from: string; readonly to: string } => {
  const [start, end] = [only(given, 'start'), only(given, 'end')]
  const from = boundIn(given, start, 'low')
  if (from === undefined) throw refusal('start', `start is required, and is a date or dateTime${not(start)}`)
  const to = end === undefined ? new Date().toISOString() : boundIn(given, end, 'high')
  if (to === undefined) throw refusal('end', `end is a date or dateTime${not(end)}`)
  if (Date.parse(from) < Date.parse(to)) return { from, to }
  if (end !== undefined) throw endBeforeStart()
  throw refusal('start', 'start lies in the future, and without an end the period lasts until now')
}

const boundIn = (given: URLSearchParams, text = '', edge: keyof Interval): string | undefined => {
  const interval = intervalIn(text)
  if (interval === undefined) return undefined
  const isMoment = text.includes('T') || interval[edge].endsWith('infinity')
  return isMoment ? bounded(interval)[edge] : beginningOfDay(interval[edge].slice(0, 10), timezoneOf(given))
}

const not = (text: string | undefined): string => (text === undefined ? '' : `, not "${text}"`)

export const timezoneOf = (given: URLSearchParams): string => {
  const timezone = only(given, 'timezone') ?? 'UTC'
  if (isTimezone(timezone)) return timezone
  throw refusal('timezone', `timezone is a name of the IANA's, such as Europe/Berlin, not "${timezone}"`)
}

/** Tokens as in a search; empty if there are none. */
export const codesOf = (given: URLSearchParams): readonly Code[] => {
  const tokens = given.getAll('code').flatMap(text => text.split(','))
  if (tokens.length > mostCodes) throw refusal('code', `At most ${mostCodes} codes, not ${tokens.length}`)
  if (tokens.includes('')) throw refusal('code', 'code is a token, as in http://loinc.org|8867-4')
  return tokens.map(text => {
    const bar = text.indexOf('|')
    return bar < 0 ? { system: undefined, code: text } : { system: text.slice(0, bar), code: text.slice(bar + 1) }
  })
}

const mostCodes = 20
