import { type SqlFragment, sql } from '../../sql.ts'

/** The patient had a place in the study, even if that was deleted since, and has none now nor from a day to come. */
export const hasLeft = (patientId: SqlFragment, study: SqlFragment): SqlFragment => sql.fragment`(
  NOT EXISTS (
    SELECT FROM enrolment
    WHERE enrolment.patient_id = ${patientId} AND enrolment.study_id = ${study} AND in_force AND now() < period_end)
  AND (
    EXISTS (SELECT FROM enrolment WHERE enrolment.patient_id = ${patientId} AND enrolment.study_id = ${study})
    OR EXISTS (
      SELECT FROM research_subject_history AS past
      WHERE past.patient_id = ${patientId} AND referenced_id(past.content -> 'study', 'ResearchStudy') = ${study})))`
