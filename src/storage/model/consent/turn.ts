import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import type { ProjectionContext } from '../projection.ts'

/**
 * One change at a time for each patient: an enrolment that changes meanwhile must not bring back what was just withdrawn. PostgreSQL has room for some
 * ten thousand locks in all, so a transaction that changes very many patients takes the turn of everybody, and the others wait until it ends.
 */
export const takeTurn = async (
  connection: Connection,
  patientId: number,
  { isAccepted, newPatients, turns }: Pick<ProjectionContext, 'isAccepted' | 'newPatients' | 'turns'>,
): Promise<void> => {
  if (isAccepted === true || newPatients?.has(patientId) === true) return
  if (turns !== undefined && turns.add(patientId).size > mostTurns) return takeTurnOfEverybody(connection)
  // Whoever waits for one patient holds up no others.
  await connection.run(sql.fragment`
    SELECT pg_advisory_xact_lock(hashtext('consent'), ${patientId}),
      pg_advisory_xact_lock_shared(hashtext('consent of everybody'))`)
}

export const takeTurnOfEverybody = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('consent of everybody'))`)
}

/** A few such transactions at once leave room for others. */
export const mostTurns = 2000
