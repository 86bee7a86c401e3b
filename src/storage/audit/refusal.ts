import { FhirError } from '../../fhir/error.ts'
import type { AuditAccess } from './record.ts'

export type Keep = (access: AuditAccess) => Promise<void>

/** What was asked for, whatever came of it. */
export type Tried = Omit<AuditAccess, 'outcome' | 'patients'>

/** Runs it, and records where the caller is refused. */
export const recordingRefusal = async <T>(keep: Keep, tried: Tried, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    await recordRefusal(keep, tried, error)
    throw error
  }
}

/** Of faults nobody was answered anything, and who asks wrongly is told no more than that. */
export const recordRefusal = async (keep: Keep, tried: Tried, error: unknown): Promise<void> => {
  if (!(error instanceof FhirError) || !isRefusal(error.status) || recorded.has(error)) return
  recorded.add(error)
  await keep({ ...tried, patients: [], outcome: error.status })
}

/** What is not there and what may not be seen look alike; a condition that does not hold asks about what is there. */
export const isRefusal = (status: number): boolean => refusals.has(status)

const refusals: ReadonlySet<number> = new Set([401, 403, 404, 410, 412])

export const isRecorded = (error: FhirError): boolean => recorded.has(error)

/** That a refusal is recorded already, and need not be where it is thrown. */
export const noteRecorded = (error: FhirError): void => {
  recorded.add(error)
}

/** An error passes several doors on its way, and is recorded once. */
const recorded = new WeakSet<FhirError>()
