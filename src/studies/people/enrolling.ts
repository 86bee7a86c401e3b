import type { ResearchStudy } from '@medplum/fhirtypes'
import { inOneOf } from '../../access/owner.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Store } from '../../storage/store.ts'
import { hasOtherPlace } from '../../storage/study/other-place.ts'
import type { StudyAction } from '../../storage/study/study-action.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { sponsorOf } from '../definition/study-sponsor.ts'
import { holdForEnrolment } from '../patient/held-enrolment.ts'
import { type RegisteringParts, registrarOf } from '../patient/registering.ts'
import { subjectOf } from '../patient/study-subject.ts'
import { heldPlaces } from './held-places.ts'

/**
 * Enrols a Patient, one of those for whom it was opened, and answers the id of the ResearchSubject. Throws FhirError if that may not be done by now: the
 * study may have ended since it was asked for, or the human have come into it by another record.
 */
type Enrolling = (patient: string) => Promise<string>

export const openEnrolling = async (
  parts: RegisteringParts,
  { person, study: id }: Pick<StudyAction, 'person' | 'study'>,
  patients: readonly string[],
): Promise<Enrolling> => {
  const { registry } = parts
  const { store, organizations, find } = await registrarOf(parts, person)
  const known = await find(new URLSearchParams({ _id: patients.join(',') }))
  const seen = new Map(known.map(one => [one.id, one]))
  const study = await readStudy(store, id)
  return async patient => {
    const record = seen.get(patient)
    if (record === undefined) throw new FhirError('not-found', 'There is no such patient')
    const query = { study: `ResearchStudy/${id}`, individual: `Patient/${patient}` }
    const places = parseSearch(registry, 'ResearchSubject', new URLSearchParams(query))
    const registeredBy = namedId(record.managingOrganization, 'Organization')
    const resource = inOneOf(subjectOf(study, record), organizations, [registeredBy, sponsorOf(study)])
    const written = await store.atomic(async (within, connection) => {
      // The criteria of the create name the present moment, so by them alone no two requests would wait for each other.
      await within.takeTurns([places])
      await holdForEnrolment(within, connection, id)
      if (await hasOtherPlace(connection, { study: id, patient }))
        throw new FhirError('business-rule', 'They are in the study already, by another record of theirs')
      return writeOrThrow(within, { kind: 'create', resource, ifNoneExist: heldPlaces(registry, query) })
    })
    if (written.outcome !== 'created') throw new FhirError('business-rule', 'They are in the study already')
    return written.id
  }
}

const readStudy = async (store: Pick<Store, 'read'>, id: string): Promise<ResearchStudy> =>
  JSON.parse((await store.read('ResearchStudy', id)).content)
