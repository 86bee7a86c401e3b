import type { Settled, Settling } from '../quarantine/quarantine-asked.ts'
import type { Kept } from '../quarantine/refused-upload.ts'
import type { RefusedUpload } from '../store.ts'
import type { AuditAccess } from './record.ts'

/** What is kept is a write, though it was not accepted. */
export const keptAccesses = (refused: readonly RefusedUpload[], kept: readonly Kept[]): readonly AuditAccess[] =>
  kept.flatMap((one, index) => {
    if (one.kind !== 'kept') return []
    const { patientId, kindId } = one
    const interaction = refused[index]?.update === undefined ? 'create' : 'update'
    return [
      {
        interaction,
        type: 'Observation',
        patients: [patientId],
        ...(kindId === 0 ? {} : { kinds: [kindId] }),
        outcome: 202,
      },
    ]
  })

/** Trying it again is recorded as a write, and removing it as a deletion. If it was refused again, nothing changed. */
export const settledAccesses = (settled: Settled | undefined, settling: Settling): readonly AuditAccess[] => {
  if (settled === undefined || settling.kind === 'refused') return []
  const { interaction, patientId } = settled
  const access = { type: 'Observation', patients: [patientId], outcome: 200 }
  return settling.kind === 'removed'
    ? [{ ...access, interaction: 'delete' }]
    : [{ ...access, interaction, resource: settling.observation }]
}
