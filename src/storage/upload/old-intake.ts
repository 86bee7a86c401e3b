import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { dropInParts } from '../work/drop-in-parts.ts'

/** Drops refused documents that were last sent more than so many days ago, whatever became of them, and the counts of uploads from that time. */
export const dropOldIntake = async (connection: Connection, days: number, closing?: AbortSignal): Promise<void> => {
  const isBefore = sql.fragment`< now() - make_interval(days => ${days})`
  await dropInParts(connection, { table: 'quarantined_document', isOld: sql.fragment`last_at ${isBefore}`, closing })
  await dropInParts(connection, { table: 'ingest', isOld: sql.fragment`at ${isBefore}`, closing })
}
