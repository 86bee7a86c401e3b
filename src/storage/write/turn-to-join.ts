import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '../database.ts'
import { isLockTimeout } from '../postgres/sql-state.ts'
import { sql } from '../sql.ts'
import { unless } from './savepoint.ts'

/**
 * Nobody else writes from now until the transaction ends. As long as somebody does, which may take a minute where a long list is
 * registered, all others are let by every two seconds: who writes waits behind whoever waits here.
 */
export const takeTurnToJoin = async (connection: Connection): Promise<void> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    if (await tryTurn(connection)) return
    await pause(pauseMs)
  }
  await connection.run(turn)
}

/** With the two seconds that each of them takes, a minute in all. */
const mostTries = 20
const pauseMs = 1000

/** Longer than PostgreSQL takes to see that two who join wait for each other. */
const tryTurn = (connection: Connection): Promise<boolean> =>
  unless(connection, isLockTimeout, async () => {
    await connection.run(sql.fragment`SET LOCAL lock_timeout = '2s'`)
    await connection.run(turn)
    await connection.run(sql.fragment`SET LOCAL lock_timeout TO DEFAULT`)
  })

const turn = sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`
