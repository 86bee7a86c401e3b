import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '../database.ts'
import { isLockTimeout } from '../postgres/sql-state.ts'
import { sql } from '../sql.ts'
import { unless } from './savepoint.ts'

/**
 * Waits until nobody else writes, and keeps it so until the transaction ends. Whoever wants to write waits behind whoever waits here, so if
 * somebody takes long, such as a minute for a long list, it stops waiting every two seconds to let the others through.
 */
export const takeTurnToJoin = async (connection: Connection): Promise<void> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    if (await tryTurn(connection)) return
    await pause(pauseMs)
  }
  await connection.run(turn)
}

/** A minute in all, with the two seconds that each try takes. */
const mostTries = 20
const pauseMs = 1000

/** Two seconds: longer than PostgreSQL takes to detect that two joinings wait for each other. */
const tryTurn = (connection: Connection): Promise<boolean> =>
  unless(connection, isLockTimeout, async () => {
    await connection.run(sql.fragment`SET LOCAL lock_timeout = '2s'`)
    await connection.run(turn)
    await connection.run(sql.fragment`SET LOCAL lock_timeout TO DEFAULT`)
  })

const turn = sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`
