import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Drops refused documents that were last sent more than so many days ago, whatever became of them, and the counts of uploads from that time. */
export const dropOldIntake = async (connection: Connection, days: number): Promise<void> => {
  const before = sql.fragment`now() - make_interval(days => ${days})`
  await connection.run(sql.fragment`DELETE FROM quarantined_document WHERE last_at < ${before}`)
  await connection.run(sql.fragment`DELETE FROM ingest WHERE at < ${before}`)
}
