import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'

/**
 * For records that concerned two patients who are one by now, under that number. They were shown to each of the two, and become one event of that
 * patient with the ids of both, like what is recorded from now on.
 */
export const showOnce = (connection: Connection, patientId: number): Promise<number> =>
  connection.run(sql.fragment`
    WITH twice AS (
      SELECT record, recorded, max(pk) AS kept FROM audit_shown
      WHERE patient_id = ${patientId} AND owner IS NULL GROUP BY record, recorded HAVING count(*) > 1
    ), gone AS (
      DELETE FROM audit_shown AS other USING twice
      WHERE other.patient_id = ${patientId} AND other.recorded = twice.recorded AND other.record = twice.record
        AND other.owner IS NULL AND other.pk <> twice.kept
      RETURNING twice.kept, other.subjects
    )
    UPDATE audit_shown AS shown SET subjects = ARRAY(
      SELECT DISTINCT subject FROM (
        SELECT unnest(shown.subjects) AS subject
        UNION ALL
        SELECT unnest(gone.subjects) FROM gone WHERE gone.kept = shown.pk) AS each ORDER BY subject)
    FROM twice WHERE shown.pk = twice.kept`)
