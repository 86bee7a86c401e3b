import type { Extension, Period, Practitioner, ResearchStudy } from '@medplum/fhirtypes'
import { extensions, systems } from '../../fhir/canonical.ts'
import { intervalOfPeriod, isDay } from '../../fhir/date.ts'
import { nameText } from '../../fhir/display-name.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import { escaped } from '../../search/escape.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'
import { asDay, firstDayOf, lastDayOf } from './period-day.ts'
import { withExtensions } from './with-extensions.ts'

/** An entry of a study that names somebody who works in it. */
export type StaffEntry = {
  /** Id of the Practitioner. */
  readonly practitioner: string
  readonly role: string
  /** Days; empty if none is named. */
  readonly from: string
  readonly until: string
  /** As it is stored: both ends may be moments, or months. */
  readonly period: Period
  readonly isInForce: boolean
  readonly extension: Extension
}

/** The codes of `CodeSystem/staff-role`. */
export const staffRoles: Readonly<Record<string, string>> = {
  investigator: 'Investigator: leads the study, names its staff, and reads',
  coordinator: 'Coordinator: invites patients, and reads',
  researcher: 'Researcher: reads',
  collaborator: 'Collaborator from another organization: reads',
}

export const staffOf = ({ extension = [] }: ResearchStudy): readonly StaffEntry[] =>
  extension.flatMap(entry => {
    if (entry.url !== extensions.staff) return []
    const practitioner = namedId(extensionOf(entry, 'practitioner')?.valueReference, 'Practitioner')
    if (practitioner === undefined) return []
    const period: Period = extensionOf(entry, 'period')?.valuePeriod ?? {}
    const { low, high } = intervalOfPeriod(period)
    const now = new Date().toISOString()
    return {
      practitioner,
      role:
        extensionOf(entry, 'role')?.valueCodeableConcept?.coding?.find(({ system }) => system === systems.staffRole)
          ?.code ?? '',
      from: firstDayOf(period),
      until: lastDayOf(period),
      period,
      isInForce: (low === '-infinity' || low <= now) && (high === 'infinity' || now < high),
      extension: entry,
    }
  })

export type NewStaff = Pick<StaffEntry, 'practitioner' | 'role' | 'from' | 'until'>

export const staffProblems = ({ role, from, until }: NewStaff): Readonly<Partial<Record<keyof NewStaff, string>>> => ({
  ...(!Object.hasOwn(staffRoles, role) && { role: 'Choose a role' }),
  ...(from !== '' && !isDay(from) && { from: `Enter a first day ${asDay}` }),
  ...(until !== '' && !isDay(until) && { until: `Enter a last day ${asDay}` }),
  ...(isDay(from) && isDay(until) && until < from && { until: 'The last day is before the first' }),
})

/** The study with the entry, in place of `replaced` or in addition. */
export const withStaff = (study: ResearchStudy, staff: NewStaff, replaced?: StaffEntry): ResearchStudy => {
  const entry = toExtension(staff, replaced)
  const entries = study.extension ?? []
  return withExtensions(
    study,
    replaced === undefined ? [...entries, entry] : entries.map(one => (one === replaced.extension ? entry : one)),
  )
}

export const withoutStaff = (study: ResearchStudy, { extension }: StaffEntry): ResearchStudy =>
  withExtensions(
    study,
    (study.extension ?? []).filter(one => one !== extension),
  )

const toExtension = ({ practitioner, role, from, until }: NewStaff, replaced?: StaffEntry): Extension => {
  const start = from === replaced?.from ? replaced.period.start : from
  // Kept as a moment if it is unchanged: access that ended at noon would otherwise go on until midnight.
  const end = until === replaced?.until ? replaced.period.end : until
  const period = { ...(start && { start }), ...(end && { end }) }
  return {
    url: extensions.staff,
    extension: [
      { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
      { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: role }] } },
      ...(Object.keys(period).length === 0 ? [] : [{ url: 'period', valuePeriod: period }]),
    ],
  }
}

type Named = { readonly id: string; readonly name: string }

/** The names of those of the Practitioners whom the store's caller may see, by id. */
export const findPractitioners = async (
  store: Pick<Store, 'search'>,
  registry: Registry,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  if (ids.length === 0) return new Map()
  const found = await search(store, registry, { _id: [...new Set(ids)].join(','), _count: '1000' })
  return new Map(found.map(({ id, name }) => [id, name]))
}

/** The first twenty whose name contains it. */
export const findPractitionersNamed = (
  store: Pick<Store, 'search'>,
  registry: Registry,
  name: string,
): Promise<readonly Named[]> => search(store, registry, { 'name:contains': escaped(name), _sort: 'name', _count: '20' })

const search = async (
  store: Pick<Store, 'search'>,
  registry: Registry,
  query: Readonly<Record<string, string>>,
): Promise<readonly Named[]> => {
  const { entries } = await store.search(parseSearch(registry, 'Practitioner', new URLSearchParams(query)))
  return entries.map(({ id, content }) => {
    const { name }: Practitioner = JSON.parse(content)
    return { id, name: nameText(name?.[0]) || id }
  })
}
