import { setTimeout } from 'node:timers/promises'
import type { Connection } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'

/** Until some transaction waits for what another one has locked. */
export const someoneWaits = async (connection: Connection): Promise<void> => {
  const waiting = () => connection.maybeOne(sql.fragment`SELECT FROM pg_locks WHERE NOT granted`)
  while ((await waiting()) === undefined) await setTimeout(20)
}
