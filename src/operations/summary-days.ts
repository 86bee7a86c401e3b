import { randomUUID } from 'node:crypto'
import type { Observation, Reference, Resource } from '@medplum/fhirtypes'
import { isDay } from '../fhir/date.ts'
import { addDays, dayOf, daysBetween, startOfDay } from '../fhir/timezone.ts'
import type { FhirResponse } from '../interactions/interaction.ts'
import { only, refused } from './parameters.ts'
import { timezoneOf } from './readings-asked.ts'

/** Whole days of a time zone, the last one included, and the instants between which they lie. */
export type SummaryDays = {
  readonly first: string
  readonly last: string
  readonly timezone: string
  readonly from: string
  readonly to: string
}

export const summaryDaysOf = (given: URLSearchParams): SummaryDays => {
  const timezone = timezoneOf(given)
  const [first, last] = [dayIn(given, 'start'), dayIn(given, 'end')]
  const days = daysBetween(first, last) + 1
  if (days < 1) throw refused('end', 'end lies before start')
  if (days > mostDays) throw refused('end', `At most ${mostDays} days, not ${days}`)
  return { first, last, timezone, from: beginOf(first, timezone), to: beginOf(addDays(last, 1), timezone) }
}

const mostDays = 366

const dayIn = (given: URLSearchParams, name: 'start' | 'end'): string => {
  const text = only(given, name)
  if (text !== undefined && isDay(text)) return text
  const said = text === undefined ? '' : `, not "${text}"`
  throw refused(name, `${name} is required, and is a day such as 2026-03-31${said}`)
}

const beginOf = (day: string, timezone: string): string => new Date(startOfDay(day, timezone)).toISOString()

type Summarised = Pick<SummaryDays, 'first' | 'last' | 'timezone'> & {
  readonly patient: string
  readonly coding: { readonly system: string; readonly code: string }
  /** Of readings. */
  readonly count: number
}

/** What all summaries of a Patient's days say. */
export const summaryOf = ({ patient, coding, first, last, timezone, count }: Summarised): Observation => ({
  resourceType: 'Observation',
  status: statusUntil(last, timezone),
  code: { coding: [{ ...coding }] },
  subject: { reference: `Patient/${patient}` },
  effectivePeriod: { start: first, end: last },
  derivedFrom: derivedFromReadings(count),
})

/** Of what is stored nowhere. */
export const newUrl = (): string => `urn:uuid:${randomUUID()}`

/** What may still change because the last day is not over is not final. */
const statusUntil = (last: string, timezone: string): Observation['status'] =>
  last < dayOf(Date.now(), timezone) ? 'final' : 'preliminary'

/** Of many readings: none of them is named, and who may not see one of them has another summary. */
const derivedFromReadings = (count: number): Reference<Observation>[] => [
  { type: 'Observation', display: `${count} ${count === 1 ? 'reading' : 'readings'}` },
]

/** Two places behind the point are what the guide on glucose asks of percentages. */
export const rounded = (value: number): number => Number(value.toFixed(2))

/** https://hl7.org/fhir/R4/bundle.html, of what is stored nowhere. */
export const collectionOf = (
  entry: readonly { readonly fullUrl: string; readonly resource: Resource }[],
): FhirResponse => {
  const bundle = { resourceType: 'Bundle', type: 'collection', ...(entry.length === 0 ? {} : { entry }) }
  return { status: 200, body: { kind: 'text', text: JSON.stringify(bundle) } }
}
