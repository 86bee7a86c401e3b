import { FhirError } from '../../fhir/error.ts'
import type { AuditAccess } from './record.ts'

export type Keep = (access: AuditAccess) => Promise<void>

/** What was asked for, whatever came of it. */
export type Tried = Omit<AuditAccess, 'outcome' | 'patients'>

/** Runs it, and records it if the caller is refused. */
export const recordingRefusal = async <T>(keep: Keep, tried: Tried, run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    await recordRefusal(keep, tried, error)
    throw error
  }
}

/** Faults are not recorded, since nothing was answered; nor are wrong requests, since the answer only says that they are wrong. */
export const recordRefusal = async (keep: Keep, tried: Tried, error: unknown): Promise<void> => {
  if (!(error instanceof FhirError) || !isRefusal(error.status) || recorded.has(error)) return
  recorded.add(error)
  await keep({ ...tried, patients: [], outcome: error.status })
}

/** What does not exist and what may not be seen look alike; and a failed condition is an answer about what is stored. */
export const isRefusal = (status: number): boolean => refusals.has(status)

const refusals: ReadonlySet<number> = new Set([401, 403, 404, 410, 412])

export const isRecorded = (error: FhirError): boolean => recorded.has(error)

/** Notes that a refusal is recorded already, so that it is not recorded again where it is thrown. */
export const noteRecorded = (error: FhirError): void => {
  recorded.add(error)
}

/** An error passes several recorders on its way, and is recorded once. */
const recorded = new WeakSet<FhirError>()
