import type { Consent } from '@medplum/fhirtypes'
import { fullAccess } from '../../access/access.ts'
import type { Connection } from '../database.ts'
import { endedByJoining, findEndingByJoining } from '../model/consent/left-consents.ts'
import { findRefusedElsewhere } from '../model/consent/refused-elsewhere.ts'
import { patchOne } from './change.ts'
import { withDecision } from './decision.ts'
import type { Writing } from './write.ts'

/**
 * Ends, in the name of whoever joins the patients and before they become one:
 * - what they gave to studies that they have left: the place of one patient would bring back what the other gave, though nobody signed it anew;
 * - what was given by an app that nobody has confirmed as theirs: it would reach what was measured for the other patient;
 * - what one gave before they said no by the other, or left the study as the other and came back as this one: it would undo that.
 */
export const endLeft = async (
  connection: Connection,
  writing: Writing,
  patientIds: readonly number[],
): Promise<void> => {
  const unlimited = { ...writing, access: fullAccess }
  const ending = await findEndingByJoining(connection, patientIds)
  const refused = (await findRefusedElsewhere(connection, patientIds)).filter(({ id }) =>
    ending.every(one => one.id !== id),
  )
  for (const { id, why } of [...ending, ...refused]) {
    const change = (stored: unknown) => endedByJoining(stored as Consent, why)
    const write = { kind: 'patch', type: 'Consent', id, change } as const
    await withDecision(connection, unlimited, write, () => patchOne(connection, unlimited, write))
  }
}
