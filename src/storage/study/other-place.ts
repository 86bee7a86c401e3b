import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { sql } from '../sql.ts'

/** Whether a Patient that was joined with this one, as being the same human, has a place in the study now. */
export const hasOtherPlace = async (
  connection: Connection,
  { study, patient }: { readonly study: string; readonly patient: string },
): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM patient_compartment AS compartment
    JOIN enrolment ON enrolment.patient_id = compartment.patient_id AND enrolment.study_id = ${study} AND enrolment.patient <> compartment.id
    WHERE compartment.id = ${patient} AND ${isEnrolled} LIMIT 1`)) !== undefined
