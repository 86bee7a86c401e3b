import type { Organization, ResearchStudy } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import type { Asking } from './asking.ts'
import { organizationsBy, toNamed } from './organizations.ts'

export const groupOf = ({ enrollment }: ResearchStudy): string | undefined => namedId(enrollment?.[0], 'Group')

/** By which clients know a study and search for its data: the id of its Group, or if it names none, its own, which finds no member. */
export const knownAs = (study: ResearchStudy): string => groupOf(study) ?? study.id ?? ''

export const presentStudies = async (asking: Asking, studies: readonly ResearchStudy[]) => {
  const organizations = await organizationsBy(asking, studies.map(sponsorOf))
  return studies.map(study => toStudy(study, organizations.get(sponsorOf(study) ?? '')))
}

export const presentStudy = async (asking: Asking, study: ResearchStudy) => {
  const sponsor = sponsorOf(study)
  return toStudy(study, (await organizationsBy(asking, [sponsor])).get(sponsor ?? ''))
}

/** Finds it by the id of its Group, or its own. Throws `not-found`, or what `oneCalled` throws. */
export const findStudy = async ({ listAllowed }: Asking, id: string): Promise<ResearchStudy> => {
  const found = oneCalled(id, await listAllowed<ResearchStudy>('ResearchStudy', {}), study => study)
  if (found !== undefined) return found
  throw new FhirError('not-found', 'No study matches the given query')
}

/**
 * The one with this id, or else with a Group of this id. Anybody can name the Group of another study in theirs, so what was meant for the one must not
 * reach the other: throws `multiple-matches` if several name it.
 */
export const oneCalled = <T>(id: string, known: readonly T[], studyOf: (one: T) => ResearchStudy): T | undefined => {
  const own = known.find(one => studyOf(one).id === id)
  const [named, ...others] = known.filter(one => groupOf(studyOf(one)) === id)
  if (own === undefined && others.length > 0)
    throw new FhirError(
      'multiple-matches',
      `Several studies name Group/${id}: send the id of the ResearchStudy that is meant`,
      {
        status: 409,
      },
    )
  return own ?? named
}

const toStudy = (study: ResearchStudy, organization: Organization | undefined) => ({
  id: knownAs(study),
  name: study.title ?? '',
  description: study.description ?? '',
  organization: organization === undefined ? null : toNamed(organization),
  iconUrl: null,
})
