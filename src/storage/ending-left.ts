import type { Consent } from '@medplum/fhirtypes'
import { fullAccess } from '../access/access.ts'
import { patchOne } from './change.ts'
import type { Connection } from './database.ts'
import { withDecision } from './decision.ts'
import { endedByJoining, findLeft } from './model/left-consents.ts'
import type { Write } from './store.ts'
import type { Writing } from './write.ts'

/**
 * Ends what the patients gave to studies that they have left, before they become one: a place of the one would bring back what the
 * other gave, and nobody signed that anew. Done in the name of whoever joins them.
 */
export const endLeft = async (
  connection: Connection,
  writing: Writing,
  patientIds: readonly number[],
): Promise<void> => {
  const unlimited = { ...writing, access: fullAccess }
  for (const id of await findLeft(connection, patientIds)) {
    const write = { kind: 'patch', type: 'Consent', id, change: endedConsent } as const
    await withDecision(connection, unlimited, write, () => patchOne(connection, unlimited, write))
  }
}

const endedConsent: Extract<Write, { kind: 'patch' }>['change'] = stored => endedByJoining(stored as Consent)
