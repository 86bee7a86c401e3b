import type { Connection } from '../database.ts'
import { overStatuses } from '../model/study.ts'
import { sql } from '../sql.ts'
import { isUnsaid } from './message-state.ts'

/** A study in which something waits for its staff. */
export type WaitingStudy = {
  /** Its id. */
  readonly study: string
  /** Ids of the ResearchSubjects of whom something that was signed on paper was recorded, and neither confirmed nor discarded yet. */
  readonly papers: readonly string[]
  /** Whether a message failed that is still to be said, unless the study is over. Those who see answers know that some have answered since. */
  readonly hasUnsaid: boolean
  /** How many documents are kept that were refused, and shared with it. */
  readonly refused: number
}

/** Those of the studies in which something waits, in no order. Whether the caller may know of it is asked elsewhere. */
export const waitingStudies = (connection: Connection, studies: readonly string[]): Promise<readonly WaitingStudy[]> =>
  connection.any<WaitingStudy>(sql.fragment`
    SELECT asked.study, waiting.papers, waiting.has_unsaid AS "hasUnsaid", waiting.refused
    FROM unnest(${sql.array([...studies], 'text')}) AS asked (study)
    CROSS JOIN LATERAL (
      SELECT ARRAY(
          SELECT enrolment.id
          FROM consent_grantee AS given JOIN enrolment ON enrolment.patient_id = given.patient_id AND enrolment.study_id = asked.study
          WHERE given.grantee = (SELECT grantee FROM study WHERE id = asked.study) AND given.status = 'proposed' AND given.paper
        ) AS papers,
        EXISTS (
          SELECT FROM study_message JOIN enrolment ON enrolment.id = study_message.subject AND enrolment.study_id = asked.study
          WHERE study_message.study_id = asked.study AND study_message.state = 'failed' AND ${isUnsaid}) AND NOT EXISTS (
          SELECT FROM research_study AS row JOIN study ON study.id = row.id
          WHERE row.id = asked.study AND (study.period_end <= now() OR row.content ->> 'status' = ANY(${sql.array([...overStatuses], 'text')}))
        ) AS has_unsaid,
        (SELECT count(*)::integer FROM quarantined_for AS told JOIN quarantined_document AS document USING (id)
          WHERE told.study_id = asked.study AND document.state = 'waiting') AS refused
      OFFSET 0) AS waiting
    WHERE cardinality(waiting.papers) > 0 OR waiting.has_unsaid OR waiting.refused > 0`)
