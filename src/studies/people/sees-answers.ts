import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { chosenIn } from '../../storage/model/study.ts'
import { staffOf } from '../definition/study-staff.ts'

/** Whether the caller sees what people answered. If only the study's staff read, members who register people for it see no answers: not even that there are none. */
export const seesAnswersOf = ({ practitioner }: Caller, study: ResearchStudy): boolean =>
  chosenIn(study, 'access') === 'organization' ||
  staffOf(study).some(one => one.practitioner === practitioner && one.isInForce)
