import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/**
 * In words, the first row that is not shown to just those patients whom it concerns: by these rows they, and the accounting of
 * disclosures, find it. Which officers are told was asked while it was sealed, and cannot be asked again. It goes through the record in
 * parts, of which none takes longer than a statement may.
 */
export const findMisshown = async (connection: Connection, parts: Parts = {}): Promise<string | undefined> => {
  const hidden = await findHidden(connection, parts)
  if (hidden !== undefined) return `row ${hidden} is not shown to a patient whom it concerns`
  const added = await findAdded(connection, parts)
  return added && `row ${added} is shown to somebody whom it does not concern, or twice`
}

/** A seal has up to 5,000 rows. */
type Parts = { readonly seals?: number; readonly shown?: number }

const findHidden = async (connection: Connection, { seals = 100 }: Parts): Promise<string | undefined> => {
  for (let after: string | null = '0'; after !== null; ) {
    const part: { last: string | null; hidden: string | null } = await connection.one(sql.fragment`
      WITH part AS MATERIALIZED (
        SELECT seal, ids FROM audit_seal WHERE seal > ${after}::bigint ORDER BY seal LIMIT ${seals})
      SELECT (SELECT max(seal)::text FROM part) AS last, (
        SELECT min(record.id)::text
        FROM (SELECT unnest(ids) AS id FROM part) AS sealed
        JOIN audit_record AS record USING (id)
        CROSS JOIN LATERAL unnest(record.patients) AS concerned (patient_id)
        WHERE NOT EXISTS (
          SELECT FROM audit_shown AS shown
          WHERE shown.patient_id = concerned.patient_id AND shown.recorded = record.recorded AND shown.record = record.id)
      ) AS hidden`)
    if (part.hidden !== null) return part.hidden
    after = part.last
  }
  return undefined
}

/** What is shown twice is so at one time: at another it is not that of its record. */
const findAdded = async (connection: Connection, { shown = 100_000 }: Parts): Promise<string | undefined> => {
  let isAfter = sql.fragment`TRUE`
  for (let until: string | undefined; until !== 'infinity'; isAfter = sql.fragment`recorded > ${until}::timestamptz`) {
    until = await endOfPart(connection, isAfter, shown)
    const added = await connection.maybeOne<{ id: string }>(sql.fragment`
      SELECT shown.record::text AS id
      FROM (SELECT record, patient_id, recorded FROM audit_shown WHERE ${isAfter} AND recorded <= ${until}::timestamptz) AS shown
      LEFT JOIN audit_record AS record ON record.id = shown.record
      GROUP BY shown.record, shown.patient_id
      HAVING count(*) > 1 OR bool_or(record.id IS NULL OR shown.recorded <> record.recorded
        OR (shown.patient_id <> 0 AND shown.patient_id <> ALL(record.patients)))
      ORDER BY shown.record LIMIT 1`)
    if (added !== undefined) return added.id
  }
  return undefined
}

const endOfPart = async (connection: Connection, isAfter: SqlFragment, shown: number): Promise<string> => {
  const end = await connection.maybeOne<{ recorded: string }>(sql.fragment`
    SELECT recorded::text AS recorded FROM audit_shown WHERE ${isAfter} ORDER BY recorded OFFSET ${shown} LIMIT 1`)
  return end?.recorded ?? 'infinity'
}
