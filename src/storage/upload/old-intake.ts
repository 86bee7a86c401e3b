import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Forgets refused documents that came last before so many days, whatever became of them, and what was counted of uploads then. */
export const dropOldIntake = async (connection: Connection, days: number): Promise<void> => {
  const before = sql.fragment`now() - make_interval(days => ${days})`
  await connection.run(sql.fragment`DELETE FROM quarantined_document WHERE last_at < ${before}`)
  await connection.run(sql.fragment`DELETE FROM ingest WHERE at < ${before}`)
}
