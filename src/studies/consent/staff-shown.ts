import type { Practitioner, ResearchStudy } from '@medplum/fhirtypes'
import { type Interval, intervalOfPeriod } from '../../fhir/date.ts'
import { nameText } from '../../fhir/display-name.ts'
import { staffOf } from '../definition/study-staff.ts'
import type { OwnRecord } from './own-record.ts'

/** Somebody who reads for a study, as its people are told of them. */
export type StaffShown = {
  /** Empty if they have given none. */
  readonly name: string
  /** A code of `CodeSystem/staff-role`; empty if none is known. */
  readonly role: string
  /** Whether they work neither in the study's organization nor below it. */
  readonly isElsewhere: boolean
}

/** Ids of Practitioners: who works elsewhere, and who reads nothing of people who sign the current text. */
export type Outside = { readonly elsewhere: readonly string[]; readonly unnamed: readonly string[] }

/** Those who read for it now, or will. */
export const staffShown = async (
  record: OwnRecord,
  study: ResearchStudy,
  { elsewhere, unnamed }: Outside,
): Promise<readonly StaffShown[]> => {
  const now = new Date().toISOString()
  const roles = new Map(
    staffOf(study)
      .filter(
        ({ practitioner, period }) => !unnamed.includes(practitioner) && isYetToEnd(intervalOfPeriod(period), now),
      )
      .map(({ practitioner, role }) => [practitioner, role]),
  )
  if (roles.size === 0) return []
  const found = await record.find<Practitioner>('Practitioner', { _id: [...roles.keys()].join(','), _count: '1000' })
  return found.map(({ id = '', name }) => ({
    name: nameText(name?.[0]),
    role: roles.get(id) ?? '',
    isElsewhere: elsewhere.includes(id),
  }))
}

const isYetToEnd = ({ high }: Interval, now: string): boolean => high === 'infinity' || high >= now
