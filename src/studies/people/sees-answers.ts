import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { extensions } from '../../fhir/canonical.ts'
import { staffOf } from '../definition/study-staff.ts'

/** Members who register people for a study whose staff alone reads see no answers, which is not the same as that there is none. */
export const seesAnswersOf = ({ practitioner }: Caller, study: ResearchStudy): boolean => {
  const access = study.extension?.find(({ url }) => url === extensions.access)?.valueCode ?? 'organization'
  return access === 'organization' || staffOf(study).some(one => one.practitioner === practitioner && one.isInForce)
}
