import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import { all, and, type Expression, or } from '../search/expression.ts'
import { parseCriteria } from '../search/parse.ts'

/** Bounds as in a search, each with the precision with which it is written. */
export type CareTime = { readonly start: string | undefined; readonly end: string | undefined }

/**
 * That care was given in that time. Of several dates of a type, the first one counts that a resource has. Whether one without any belongs to the
 * time is unknown, so it does: nobody must miss an allergy because nobody wrote down since when it is known.
 */
export const givenWithin = (registry: Registry, type: ResourceType, { start, end }: CareTime): Expression => {
  const asked = (name: string, ...values: readonly string[]) =>
    parseCriteria(registry, type, new URLSearchParams(values.map(value => [name, value])))
  const bounds = [start && `ge${start}`, end && `le${end}`].filter(one => one !== undefined)
  const by = ([date, ...others]: readonly string[]): Expression =>
    date === undefined ? all : or(asked(date, ...bounds), and(asked(`${date}:missing`, 'true'), by(others)))
  if (bounds.length === 0) return all
  // Each of them has a date, and they are so many that an index has to find those of the time.
  if (type === 'AuditEvent') return asked('date', ...bounds)
  return by(careDates.filter(code => registry.searchParameter(type, code)?.type === 'date'))
}

/** Search parameters that say when care was given, or else when it was asked for or written down. `date` of a MedicationRequest is that of a dose. */
const careDates = [
  'authoredon',
  'date',
  'period',
  'occurrence',
  'event-date',
  'effective',
  'effective-time',
  'whenhandedover',
  'whenprepared',
  'started',
  'collected',
  'identified',
  'start-date',
  'datetime',
  'datewritten',
  'authored',
  'authored-on',
  'recorded-date',
  'onset-date',
  'onset',
  'sent',
  'received',
  'created',
  'entered-date',
  'issued',
]
