import { FhirError } from '../../fhir/error.ts'
import { isRecorded, noteRecorded } from '../../storage/audit/refusal.ts'
import type { Context } from '../interaction.ts'

/** To be called at the beginning of each attempt. */
export type RefusalsOnce = () => Context['recordRefusal']

/**
 * For a part of a batch that is done anew because it met another change, or in halves because its commit failed: what is refused in it is recorded at
 * once, and by none of the later attempts again.
 */
export const openRefusalsOnce = ({ recordRefusal }: Pick<Context, 'recordRefusal'>): RefusalsOnce => {
  const recorded = new Map<string, number>()
  return () => {
    const met = new Map<string, number>()
    return async (tried, error) => {
      if (!(error instanceof FhirError) || isRecorded(error)) return recordRefusal(tried, error)
      const key = JSON.stringify([tried, error.status])
      const times = (met.get(key) ?? 0) + 1
      met.set(key, times)
      if (times <= (recorded.get(key) ?? 0)) return noteRecorded(error)
      recorded.set(key, times)
      await recordRefusal(tried, error)
    }
  }
}
