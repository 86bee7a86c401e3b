import type { Connection } from './database.ts'
import { isEnrolled } from './model/enrolled.ts'
import { sql } from './sql.ts'

/** A study in which a Patient of the person has a place now, or was invited to. */
export type OwnStudy = { readonly study: string; readonly patient: string }

export const studiesOfPerson = (connection: Connection, person: string): Promise<readonly OwnStudy[]> =>
  connection.any<OwnStudy>(sql.fragment`
    SELECT enrolment.study_id AS study, min(enrolment.patient) AS patient
    FROM person_patient JOIN enrolment ON enrolment.patient = person_patient.patient
    WHERE person_patient.person = ${person} AND ${isEnrolled}
    GROUP BY enrolment.study_id ORDER BY enrolment.study_id`)
