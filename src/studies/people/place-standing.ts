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
