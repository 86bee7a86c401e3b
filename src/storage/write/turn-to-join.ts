import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '../database.ts'
import { isLockTimeout } from '../postgres/sql-state.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { unless } from './savepoint.ts'

/**
 * Waits until nobody else writes, and keeps it so until the transaction ends. Whoever wants to write waits behind whoever waits here, so if
 * somebody takes long, such as a minute for a long list, it stops waiting again and again to let the others through.
 */
export const takeTurnToJoin = async (connection: Connection, eachTry = twoSeconds): Promise<void> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    if (await tryTurn(connection, eachTry)) return
    await pause(pauseMs)
  }
  await connection.run(turn)
}

/** A minute in all, with the two seconds that each try takes. */
const mostTries = 20
const pauseMs = 1000

/** Longer than PostgreSQL takes to detect that two wait for each other. */
const twoSeconds = sql.fragment`SET LOCAL lock_timeout = '2s'`

/** Shorter than that: of two that wait for each other, the other is given up, or ends its wait. For whoever has done so much that it is not to be redone. */
export const aMomentEach = sql.fragment`SET LOCAL lock_timeout = '900ms'`

const tryTurn = (connection: Connection, eachTry: SqlFragment): Promise<boolean> =>
  unless(connection, isLockTimeout, async () => {
    await connection.run(eachTry)
    await connection.run(turn)
    await connection.run(sql.fragment`SET LOCAL lock_timeout TO DEFAULT`)
  })

const turn = sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`
