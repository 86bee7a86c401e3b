import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Connection } from '../../storage/database.ts'
import { holdStudy } from '../../storage/model/consent/held-study.ts'
import type { Store } from '../../storage/store.ts'
import { refuseToEnrol } from '../definition/study-status.ts'

/**
 * The study stays as it is until the end of the transaction, in which somebody is enrolled into it. Throws FhirError if nobody may be by now: what was
 * read before may have ended meanwhile. Of one that the store's caller may not see nothing is told, not even that it is there.
 */
export const holdForEnrolment = async (
  within: Pick<Store, 'read'>,
  connection: Connection,
  id: string,
): Promise<void> => {
  await within.read('ResearchStudy', id)
  await holdStudy(connection, { kind: 'study', id }, 'ResearchSubject.study')
  const study: ResearchStudy = JSON.parse((await within.read('ResearchStudy', id)).content)
  refuseToEnrol(study)
}
