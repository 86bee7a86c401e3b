import type { Connection } from '../../database.ts'
import { hold, holdLater } from '../../hold.ts'
import { exclusive, shared } from '../../lock-keys.ts'
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
  await takeTurnsOf(connection, [patientId])
}

/** Whoever waits for one patient holds up no others. */
export const takeTurnsOf = async (connection: Connection, patientIds: readonly number[]): Promise<void> => {
  await holdLater(connection, 'patient', exclusive(patientIds))
  await hold(connection, 'everybody', shared(['']))
}

export const takeTurnOfEverybody = (connection: Connection): Promise<void> =>
  hold(connection, 'everybody', exclusive(['']))

/** A few such transactions at once leave room for others. */
export const mostTurns = 2000
