import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import { presentContacts } from '../../accounts/contact/reach.ts'
import { visibleName } from '../../fhir/display-name.ts'
import type { Words } from '../../messages/catalogue.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import type { OwnRecord } from './own-record.ts'

export type StudyOrganization = {
  readonly id: string
  readonly name: string
  /** How it can be reached, as it says itself. */
  readonly contacts: readonly string[]
}

/** As the reader of the record may read it. */
export const studyOrganization = async (
  record: OwnRecord,
  study: ResearchStudy,
  words: Words,
): Promise<StudyOrganization> => {
  const id = sponsorOf(study) ?? ''
  const organization = await record.read<Organization>('Organization', id)
  return {
    id,
    name: visibleName(organization?.name) ?? words.say('study.unknown'),
    contacts: presentContacts(organization ?? {}),
  }
}
