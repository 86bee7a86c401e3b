import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { lastLink } from './seal.ts'
import { nothing, recordsUnderWay } from './sealed-rows.ts'

/** How many records no seal covers yet, and the age of the oldest; no more than `most` are looked at. */
export const readUnsealed = async (
  connection: Connection,
  most = 10_000,
): Promise<{ readonly count: number; readonly seconds: number }> => {
  const { epoch, snapshot } = (await lastLink(connection)) ?? { epoch: 1, snapshot: nothing }
  return connection.one(sql.fragment`
    SELECT count(*)::int AS count,
      coalesce(greatest(extract(epoch FROM clock_timestamp() - min(recorded)), 0), 0)::float8 AS seconds
    FROM (
      (SELECT recorded FROM audit_record WHERE epoch = ${epoch} AND xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot)
        ORDER BY xact LIMIT ${most})
      UNION ALL
      ${recordsUnderWay({ epoch, snapshot }, sql.fragment`recorded`)}
      LIMIT ${most}) AS unsealed`)
}
