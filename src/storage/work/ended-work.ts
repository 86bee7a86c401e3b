import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { dropInParts } from './drop-in-parts.ts'

/**
 * Deletes what nobody asks for any more, so many days after it has ended: invitations of staff, used or not, with their addresses; what was done to
 * many people at once, person by person; and what became of lists of patients. The record of who did what has kept that it was done.
 */
export const dropEndedWork = async (connection: Connection, days: number, closing?: AbortSignal): Promise<void> => {
  const isOld = sql.fragment`< now() - make_interval(days => ${days})`
  const endedOr = sql.fragment`coalesce(ended_at, expires_at)`
  await dropInParts(connection, { table: 'staff_invitation', isOld: sql.fragment`${endedOr} ${isOld}`, closing })
  await dropInParts(connection, { table: 'patient_import', isOld: sql.fragment`ended_at ${isOld}`, closing })
  // Each with a row for each of its people.
  await dropInParts(connection, { table: 'study_action', isOld: sql.fragment`ended_at ${isOld}`, most: 10, closing })
}
