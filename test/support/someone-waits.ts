import { setTimeout } from 'node:timers/promises'
import type { Connection } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Until some transaction of this database waits for what another one has locked: beside it others' tests run in theirs. */
export const someoneWaits = async (connection: Connection): Promise<void> => {
  const waiting = () =>
    connection.maybeOne(sql.fragment`
      SELECT FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
      WHERE NOT granted AND activity.datname = current_database() LIMIT 1`)
  while ((await waiting()) === undefined) await setTimeout(20)
}
