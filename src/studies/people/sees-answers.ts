import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { extensions } from '../../fhir/canonical.ts'
import { staffOf } from '../definition/study-staff.ts'

/** Whether the caller sees what people answered. If only the study's staff read, members who register people for it see no answers: not even that there are none. */
export const seesAnswersOf = ({ practitioner }: Caller, study: ResearchStudy): boolean => {
  const access = study.extension?.find(({ url }) => url === extensions.access)?.valueCode ?? 'organization'
  return access === 'organization' || staffOf(study).some(one => one.practitioner === practitioner && one.isInForce)
}
