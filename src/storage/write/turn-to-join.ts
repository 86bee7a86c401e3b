import type { Connection } from '../connection.ts'
import { exclusive } from '../lock-keys.ts'
import { beginJoining } from '../other-joining.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { inTries } from './in-tries.ts'

/**
 * Waits until nobody else writes, and keeps it so until the transaction ends. Whoever wants to write waits behind whoever waits here, so if
 * somebody takes long, such as a minute for a long list, it stops waiting again and again to let the others through.
 */
export const takeTurnToJoin = async (connection: Connection, eachTry?: SqlFragment): Promise<void> => {
  await inTries(connection, () => connection.run(turn), eachTry)
}

/**
 * The same, for whoever joins nothing. If another one waits, or joins records, it throws, as if it joined: each would wait for the other, and nobody else
 * could write until PostgreSQL gives up one of them, after a second.
 */
export const takeTurnAlone = async (connection: Connection): Promise<void> => {
  await connection.take('alone', exclusive(['']), async () => {
    await waitAlone(connection)
    return 'held'
  })
}

/** For a transaction that holds nothing yet. */
export const waitAlone = async (connection: Connection): Promise<void> => {
  await beginJoining(connection)
  await takeTurnToJoin(connection)
}

const turn = sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`
