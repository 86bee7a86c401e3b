import { setTimeout } from 'node:timers/promises'
import type { Connection } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Resolves once some transactions of this database wait for a lock of another one; the tests of others run in databases of their own. */
export const someoneWaits = async (connection: Connection, howMany = 1): Promise<void> => {
  const waiting = async () => {
    // Within a transaction PostgreSQL keeps the list of activity as it first saw it, so that later connections would never be counted.
    await connection.any(sql.fragment`SELECT pg_stat_clear_snapshot()`)
    const { waiting } = await connection.one<{ waiting: number }>(sql.fragment`
      SELECT count(DISTINCT pid)::integer AS waiting FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
      WHERE NOT granted AND activity.datname = current_database()`)
    return waiting
  }
  const until = Date.now() + patienceMs
  while ((await waiting()) < howMany) {
    if (Date.now() > until) throw new Error(`fewer than ${howMany} wait`)
    await setTimeout(20)
  }
}

/** Less than a statement has (`lock_timeout`): somebody who gave up waiting does not come back. */
const patienceMs = 15_000
