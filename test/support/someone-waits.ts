import { setTimeout } from 'node:timers/promises'
import type { Connection } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Resolves once some transactions of this database wait for a lock of another one; the tests of others run in databases of their own. */
export const someoneWaits = (connection: Connection, howMany = 1): Promise<void> =>
  until(async () => (await waiting(connection)) >= howMany, `fewer than ${howMany} wait`)

/** Resolves once no transaction waits any more. */
export const nobodyWaits = (connection: Connection): Promise<void> =>
  until(async () => (await waiting(connection)) === 0, 'somebody waits all the time')

/** Resolves once somebody else of this database has asked last what contains the text. */
export const someoneAsks = (connection: Connection, text: string): Promise<void> =>
  until(async () => {
    await connection.any(sql.fragment`SELECT pg_stat_clear_snapshot()`)
    const asked = await connection.any(sql.fragment`
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND strpos(query, ${text}) > 0`)
    return asked.length > 0
  }, `nobody asks ${text}`)

const waiting = async (connection: Connection): Promise<number> => {
  // Within a transaction PostgreSQL keeps the list of activity as it first saw it, so that later connections would never be counted.
  await connection.any(sql.fragment`SELECT pg_stat_clear_snapshot()`)
  const { waiting } = await connection.one<{ waiting: number }>(sql.fragment`
    SELECT count(DISTINCT pid)::integer AS waiting FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
    WHERE NOT granted AND activity.datname = current_database()`)
  return waiting
}

const until = async (isSo: () => Promise<boolean>, otherwise: string): Promise<void> => {
  const end = Date.now() + patienceMs
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(otherwise)
    await setTimeout(20)
  }
}

/** Less than a statement has (`lock_timeout`): somebody who gave up waiting does not come back. */
const patienceMs = 15_000
