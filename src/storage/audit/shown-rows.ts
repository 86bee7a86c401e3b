import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/**
 * In words, the first row that is not shown to just those patients whom it concerns: by these rows they, and the accounting of
 * disclosures, find it. Which officers are told was asked while it was sealed, and cannot be asked again.
 */
export const findMisshown = async (connection: Connection): Promise<string | undefined> => {
  const hidden = await connection.maybeOne<Misshown>(sql.fragment`
    SELECT record.id::text AS id
    FROM (SELECT unnest(ids) AS id FROM audit_seal) AS sealed
    JOIN audit_record AS record USING (id)
    CROSS JOIN LATERAL unnest(record.patients) AS concerned (patient_id)
    WHERE NOT EXISTS (
      SELECT FROM audit_shown AS shown
      WHERE shown.patient_id = concerned.patient_id AND shown.recorded = record.recorded AND shown.record = record.id)
    ORDER BY record.id LIMIT 1`)
  if (hidden !== undefined) return `row ${hidden.id} is not shown to a patient whom it concerns`
  const added = await connection.maybeOne<Misshown>(sql.fragment`
    SELECT shown.record::text AS id
    FROM audit_shown AS shown LEFT JOIN audit_record AS record ON record.id = shown.record
    GROUP BY shown.record, shown.patient_id
    HAVING count(*) > 1 OR bool_or(record.id IS NULL OR shown.recorded <> record.recorded
      OR (shown.patient_id <> 0 AND shown.patient_id <> ALL(record.patients)))
    ORDER BY shown.record LIMIT 1`)
  return added && `row ${added.id} is shown to somebody whom it does not concern, or twice`
}

type Misshown = { readonly id: string }
