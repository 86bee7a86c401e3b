import type { Consent, Practitioner, ResearchStudy } from '@medplum/fhirtypes'
import { intervalOf, intervalOfPeriod } from '../../fhir/date.ts'
import { nameText } from '../../fhir/display-name.ts'
import { isInForce } from '../../storage/model/study.ts'
import { findStaffHistory, practitionersReached, type StaffHistory } from '../../storage/study/study-readers.ts'
import { staffFromElsewhere } from '../../storage/study/study-recipients.ts'
import { staffOf } from '../definition/study-staff.ts'
import type { OwnParts, OwnRecord } from './own-record.ts'
import type { Sharing } from './own-sharing.ts'
import { readingServices } from './reading-services.ts'
import type { SharedLine } from './shared-line.ts'
import type { StaffShown } from './staff-shown.ts'

/** Who reads what somebody shares with a study at this moment, according to the gate. */
export type ReadersNow = {
  /** Whether everybody in its organization does. */
  readonly isOrganizations: boolean
  /** Those of its staff who do. */
  readonly people: readonly (StaffShown & Since)[]
  /** What reads without a person; once for each moment since which it reads some of the lines. */
  readonly services: readonly ({ readonly name: string; readonly lines: readonly SharedLine[] } & Since)[]
  readonly lines: readonly SharedLine[]
}

type Since = {
  readonly since: Date | undefined
  /** Whether they came after what is shared was signed. */
  readonly isNew: boolean
}

type Asked = {
  readonly study: ResearchStudy
  readonly record: OwnRecord
  readonly consent: Consent | undefined
  readonly sharings: readonly Sharing[]
  readonly isOrganizations: boolean
}

/** Undefined if nothing is shared. */
export const findReadersNow = async (parts: OwnParts, asked: Asked): Promise<ReadersNow | undefined> => {
  const { consent, isOrganizations, sharings } = asked
  const lines = sharings.flatMap(one => one.lines)
  if (consent?.status !== 'active' || !isInForce(asked.study) || lines.length === 0) return undefined
  const history = await findStaffHistory(parts.accounts.database, asked.study.id ?? '')
  const dated = datedBy(consent, history)
  return {
    isOrganizations,
    lines,
    people: (await peopleNow(parts, { ...asked, consent }, history)).map(dated),
    services: (await servicesNow(parts, asked, lines)).map(dated),
  }
}

type Dated = { readonly since: Date | undefined }

/**
 * What was signed before the study came to this server, as with an import, was signed with what it had there: only what has come to it here since then
 * is told as new.
 */
const datedBy = ({ dateTime, meta }: Consent, { begins }: StaffHistory) => {
  const signed = dateTime === undefined ? undefined : intervalOf(dateTime)?.high
  const stored = meta?.lastUpdated
  // A clock that is ahead must not hide who has come since.
  const moments = [signed, stored].flatMap(one => (one === undefined || one === 'infinity' ? [] : [Date.parse(one)]))
  const known = Math.max(Math.min(...moments), begins?.getTime() ?? 0)
  return <T extends Dated>(one: T) => ({
    ...one,
    isNew: one.since !== undefined && one.since.getTime() > known,
  })
}

const peopleNow = async (
  { accounts: { database } }: OwnParts,
  { study, record, consent }: Asked & { readonly consent: Consent },
  { namedSince }: StaffHistory,
): Promise<readonly (StaffShown & Dated)[]> => {
  const staff = new Map(
    staffOf(study)
      .filter(({ isInForce }) => isInForce)
      .map(one => [one.practitioner, one]),
  )
  const asked = { patient: record.patient, consent: consent.id ?? '', practitioners: [...staff.keys()] }
  const reached = await practitionersReached(database, asked)
  if (reached.size === 0) return []
  const elsewhere = await staffFromElsewhere(database, study.id ?? '')
  const found = await record.find<Practitioner>('Practitioner', { _id: [...reached].join(','), _count: '1000' })
  return found.map(({ id: practitioner = '', name }) => {
    const { role = '', period = {} } = staff.get(practitioner) ?? {}
    return {
      name: nameText(name?.[0]),
      role,
      isElsewhere: elsewhere.includes(practitioner),
      since: later(namedSince.get(practitioner), intervalOfPeriod(period).low),
    }
  })
}

/** Whoever is named beforehand begins on their first day. */
const later = (named: Date | undefined, begins: string): Date | undefined =>
  named === undefined || begins === '-infinity' || Date.parse(begins) < named.getTime() ? named : new Date(begins)

const servicesNow = async (
  { accounts: { database }, codeClasses }: OwnParts,
  { study }: Asked,
  lines: readonly SharedLine[],
): Promise<readonly ({ readonly name: string; readonly lines: readonly SharedLine[] } & Dated)[]> => {
  const services = await readingServices(database, study.id ?? '', { lines, codeClasses })
  return services.flatMap(({ name, reads, since }) => {
    const read = lines.filter(({ kind }) => reads(kind))
    const bySince = Map.groupBy(read, ({ kind }) => since(kind)?.getTime())
    return [...bySince].map(([at, own]) => ({ name, lines: own, since: at === undefined ? undefined : new Date(at) }))
  })
}
