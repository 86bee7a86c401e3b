import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Whether the organization has studies that have not ended and that the practitioner does not handle. */
export const hasStudiesBeyond = async (
  connection: Connection,
  practitioner: string,
  organization: string,
): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM organization_study AS theirs
    JOIN study ON study.id = theirs.study_id
    WHERE theirs.organization = ${organization} AND study.in_force AND study.period_end > now() AND NOT EXISTS (
      SELECT FROM practitioner_study AS own
      WHERE own.practitioner = ${practitioner} AND own.study_id = theirs.study_id)
    LIMIT 1`)) !== undefined
