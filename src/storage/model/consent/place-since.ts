import type { Connection } from '../../database.ts'
import { type SqlFragment, sql } from '../../sql.ts'
import { compartmentOf } from '../reference.ts'

/**
 * The row of `enrolment` is a place in the study since before that moment. Once somebody has left, what they gave or signed before does not count
 * again because others enrol them anew.
 */
export const isPlaceSince = (study: string, moment: string): SqlFragment => sql.fragment`(
  WITH place AS (
    SELECT pk, version, last_updated, content FROM research_subject
    WHERE research_subject.patient_id = enrolment.patient_id AND research_subject.id = enrolment.id
  ),
  said AS (
    SELECT version, last_updated, content FROM place
    UNION ALL
    SELECT past.version, past.last_updated, past.content FROM research_subject_history AS past
    WHERE past.patient_id = enrolment.patient_id AND past.pk = (SELECT pk FROM place)
  )
  SELECT coalesce(bool_and(referenced_id(content -> 'study', 'ResearchStudy') IS NOT DISTINCT FROM ${study}), FALSE) FROM said
  WHERE version >= (SELECT max(version) FROM said WHERE last_updated < ${moment}::timestamptz))`

type Asked = { readonly patient: string; readonly study: string; readonly moment: Date }

/** Whether the patient has been in the study since then, and is in it. */
export const hasPlaceSince = async (connection: Connection, { patient, study, moment }: Asked): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM enrolment
    WHERE patient_id = ${compartmentOf(patient)} AND study_id = ${study} AND in_force AND now() < period_end
      AND ${isPlaceSince(study, moment.toISOString())}
    LIMIT 1`)) !== undefined
