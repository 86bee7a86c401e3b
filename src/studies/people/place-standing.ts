import type { ResearchSubject } from '@medplum/fhirtypes'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { ended } from '../../storage/model/enrolled.ts'

/** Whether a place in a study has not begun, is there now, or is over, by its status or its period. */
export const placeStandingOf = ({
  status = '',
  period = {},
}: Pick<ResearchSubject, 'period'> & { readonly status?: string | undefined }): 'to-come' | 'in-force' | 'over' => {
  const { low, high } = intervalOfPeriod(period)
  const now = new Date().toISOString()
  if (ended.has(status) || (high !== 'infinity' && high <= now)) return 'over'
  return low === '-infinity' || low <= now ? 'in-force' : 'to-come'
}

/** The statuses of a place that is over. */
export type EndedStatus = Extract<
  NonNullable<ResearchSubject['status']>,
  'ineligible' | 'not-registered' | 'off-study' | 'withdrawn'
>

/** As what a place has ended; undefined if it has not, or by its period alone. */
export const endedAs = ({ status = '' }: { readonly status?: string | undefined }): EndedStatus | undefined =>
  ended.has(status) ? (status as EndedStatus) : undefined
