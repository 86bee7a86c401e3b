import { FhirError } from '../../fhir/error.ts'
import type { AuditAccess } from './record.ts'
import { isRecorded, isRefusal, type Keep, noteRecorded, type Tried } from './refusal.ts'
import { together } from './together.ts'
import type { Noted } from './written-access.ts'

/**
 * What was undone changed nothing, but its refusal may tell the caller what it met. So it is recorded as one, together with the reason why it was
 * undone.
 */
export const keepUndone = async (keep: Keep, tried: Tried, noted: readonly Noted[], error: unknown): Promise<void> => {
  const met = noted.filter(isTold).map(accessOf)
  const refused = error instanceof FhirError ? error : undefined
  if (met.length === 0 || (refused !== undefined && isRecorded(refused))) return
  const outcome = refused?.status ?? 500
  const all = together([...met, { ...tried, patients: [], outcome }])
  if (all === undefined) return
  const kept = keep({ ...all, outcome })
  // A fault tells nobody anything, and must be reported as what it is: above all that it is not known whether it was done.
  await (outcome >= 500 ? kept.catch(() => {}) : kept)
  if (refused !== undefined) noteRecorded(refused)
}

/** The same for a part of a commit that goes on: what it met is recorded with everything else of the commit. */
export const toldOfUndone = (noted: readonly Noted[], error: unknown): readonly Noted[] => {
  const outcome = error instanceof FhirError ? error.status : 500
  return noted.filter(isTold).map(one => (one.outcome < 400 ? { ...one, outcome, isTelling: true } : one))
}

/** The writes that were refused among others that were not, as one record: undefined if there are none. */
export const refusalsAmong = (noted: readonly Noted[]): AuditAccess | undefined =>
  together(noted.filter(isRefused).map(accessOf))

/** Notes that they are recorded, so that there is not another record where the refusal is thrown. */
export const noteRefusals = (noted: readonly Noted[]): void => {
  for (const { error } of noted.filter(isRefused)) if (error !== undefined) noteRecorded(error)
}

const isRefused = (one: Noted): boolean => one.outcome >= 400 && isTold(one)

/** The answer to a wrong request tells nothing else, unless it depended on what is stored. */
const isTold = ({ outcome, isTelling = false }: Noted): boolean => outcome < 400 || isRefusal(outcome) || isTelling

const accessOf = ({ error: _, isTelling: __, ...access }: Noted): AuditAccess => access
