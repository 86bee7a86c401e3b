import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import type { Asking } from './asking.ts'
import { organizationsBy, toNamed } from './organizations.ts'

/** The id of its Group, by which clients know a study and search for its data. */
export const groupOf = ({ enrollment }: ResearchStudy): string | undefined => namedId(enrollment?.[0], 'Group')

export const presentStudies = async (asking: Asking, studies: readonly ResearchStudy[]) => {
  const organizations = await organizationsBy(asking, studies.map(sponsorOf))
  return studies.flatMap(study => {
    const id = groupOf(study)
    return id === undefined ? [] : [toStudy(study, id, organizations.get(sponsorOf(study) ?? ''))]
  })
}

/** Finds it by the id of its Group, or its own. Throws `not-found`. */
export const findStudy = async ({ list }: Asking, id: string): Promise<ResearchStudy> => {
  const studies = await list<ResearchStudy>('ResearchStudy', {})
  const found = studies.find(study => groupOf(study) === id) ?? studies.find(study => study.id === id)
  if (found !== undefined) return found
  throw new FhirError('not-found', 'No study matches the given query')
}

const toStudy = ({ title, description }: ResearchStudy, id: string, organization: Organization | undefined) => ({
  id,
  name: title ?? '',
  description: description ?? '',
  organization: organization === undefined ? null : toNamed(organization),
  iconUrl: null,
})
