import { setTimeout } from 'node:timers/promises'
import type { Connection } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Until some transactions of this database wait for what another one has locked: beside it others' tests run in theirs. */
export const someoneWaits = async (connection: Connection, howMany = 1): Promise<void> => {
  const waiting = async () => {
    // In a transaction PostgreSQL keeps who is there as it first saw it, and whoever connects later would never be counted.
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

/** Less than a statement has (`statement_timeout`): whoever has given up waiting does not come again. */
const patienceMs = 25_000
