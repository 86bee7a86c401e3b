import type { ResearchStudy } from '@medplum/fhirtypes'
import { takesNewPatients } from '../../storage/model/consent/accrual.ts'
import { isInForce } from '../../storage/model/study.ts'
import { isUnfinished } from './patient-text.ts'

/** What a study asks of people now, whoever they are and whatever they have answered. */
export type RunsNow = {
  /** Whether it is running: nobody begins to give anything to a study that is not. */
  readonly isInForce: boolean
  /** Whether it is running, but takes nobody new. */
  readonly isClosed: boolean
  /** Whether the version to sign now lacks a part, so that it is not shown to be signed. */
  readonly isUnfinished: boolean
}

export const runsNow = (study: ResearchStudy): RunsNow => ({
  isInForce: isInForce(study),
  isClosed: !takesNewPatients(study),
  isUnfinished: isUnfinished({ study, consent: undefined }),
})
