import { setTimeout } from 'node:timers/promises'
import type { Connection } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Until some transactions of this database wait for what another one has locked: beside it others' tests run in theirs. */
export const someoneWaits = async (connection: Connection, howMany = 1): Promise<void> => {
  const waiting = async () => {
    const { waiting } = await connection.one<{ waiting: number }>(sql.fragment`
      SELECT count(DISTINCT pid)::integer AS waiting FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
      WHERE NOT granted AND activity.datname = current_database()`)
    return waiting
  }
  while ((await waiting()) < howMany) await setTimeout(20)
}
