import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Ids of the Practitioners who are staff of a study, now or later, and do not work in its organization or below it. */
export const staffFromElsewhere = async (connection: Connection, study: string): Promise<readonly string[]> => {
  const rows = await connection.any<{ practitioner: string }>(sql.fragment`
    SELECT DISTINCT staff.practitioner
    FROM study_staff AS staff JOIN study ON study.id = staff.study_id
    WHERE study.id = ${study} AND staff.period_end > now() AND NOT works_within(staff.practitioner, study.organization)
    ORDER BY staff.practitioner`)
  return rows.map(({ practitioner }) => practitioner)
}
