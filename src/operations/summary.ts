import { randomUUID } from 'node:crypto'
import type { Observation, Reference, Resource } from '@medplum/fhirtypes'
import type { Issue } from '../fhir/error.ts'
import { toOperationOutcome } from '../fhir/operation-outcome.ts'
import { dayOf } from '../fhir/timezone.ts'
import type { FhirResponse } from '../interactions/interaction.ts'
import type { DaysAsked } from './days-asked.ts'

type Summarised = Pick<DaysAsked, 'first' | 'last' | 'timezone'> & {
  readonly patient: string
  readonly coding: { readonly system: string; readonly code: string }
  /** The number of readings. */
  readonly count: number
}

/** What all summaries of a Patient's days have in common. */
export const summaryOf = ({ patient, coding, first, last, timezone, count }: Summarised): Observation => ({
  resourceType: 'Observation',
  status: statusUntil(last, timezone),
  code: { coding: [{ ...coding }] },
  subject: { reference: `Patient/${patient}` },
  effectivePeriod: { start: first, end: last },
  derivedFrom: derivedFromReadings(count),
})

/** A URL for something that is not stored. */
export const newUrl = (): string => `urn:uuid:${randomUUID()}`

/** Until the last day is over, the figures may still change, and are not final. */
const statusUntil = (last: string, timezone: string): Observation['status'] =>
  last < dayOf(Date.now(), timezone) ? 'final' : 'preliminary'

/** Derived from many readings, of which none is named: somebody who may not see one of them gets another summary. */
const derivedFromReadings = (count: number): Reference<Observation>[] => [
  { type: 'Observation', display: `${count} ${count === 1 ? 'reading' : 'readings'}` },
]

/** Two decimal places, which the guide on glucose requires of percentages. */
export const rounded = (value: number): number => Number(value.toFixed(2))

/** An issue about that many readings which exist, but were left out of all figures; none if there are none. */
export const leftOutOf = (count: number, why: string): readonly Issue[] =>
  count === 0
    ? []
    : [
        {
          code: 'incomplete',
          severity: 'information',
          message: `${count} ${count === 1 ? 'reading' : 'readings'} ${why}`,
        },
      ]

/** https://hl7.org/fhir/R4/bundle.html, of resources that are not stored. Issues about them come at the end. */
export const collectionOf = (resources: readonly Entry[], [first, ...others]: readonly Issue[]): FhirResponse => {
  const outcome = first && { fullUrl: newUrl(), resource: toOperationOutcome([first, ...others]) }
  const entry = [...resources, ...(outcome === undefined ? [] : [outcome])]
  const bundle = { resourceType: 'Bundle', type: 'collection', ...(entry.length === 0 ? {} : { entry }) }
  return { status: 200, body: { kind: 'text', text: JSON.stringify(bundle) } }
}

type Entry = { readonly fullUrl: string; readonly resource: Resource }
