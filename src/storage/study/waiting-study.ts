import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** A study in which something may wait for its staff. */
export type WaitingStudy = {
  /** Its id. */
  readonly study: string
  /** Ids of the ResearchSubjects of whom something that was signed on paper was recorded, and neither confirmed nor discarded yet. */
  readonly papers: readonly string[]
  /** Whether a message about it has ever failed. */
  readonly hasFailed: boolean
  /** Whether something that was refused is kept that was shared with it. */
  readonly hasRefused: boolean
}

/**
 * Those of the studies in which something may wait, in no order: what the caller may know of it, and whether it still waits, is asked of each
 * afterwards. In most studies nothing waits, and finding that out takes three look-ups.
 */
export const waitingStudies = (connection: Connection, studies: readonly string[]): Promise<readonly WaitingStudy[]> =>
  connection.any<WaitingStudy>(sql.fragment`
    SELECT asked.study, waiting.papers, waiting.has_failed AS "hasFailed", waiting.has_refused AS "hasRefused"
    FROM unnest(${sql.array([...studies], 'text')}) AS asked (study)
    CROSS JOIN LATERAL (
      SELECT ARRAY(
          SELECT enrolment.id
          FROM consent_grantee AS given JOIN enrolment ON enrolment.patient_id = given.patient_id AND enrolment.study_id = asked.study
          WHERE given.grantee = (SELECT grantee FROM study WHERE id = asked.study) AND given.status = 'proposed' AND given.paper
        ) AS papers,
        EXISTS (SELECT FROM study_message WHERE study_id = asked.study AND state = 'failed') AS has_failed,
        EXISTS (
          SELECT FROM quarantined_for AS told JOIN quarantined_document AS document USING (id)
          WHERE told.study_id = asked.study AND document.state = 'waiting') AS has_refused
      OFFSET 0) AS waiting
    WHERE cardinality(waiting.papers) > 0 OR waiting.has_failed OR waiting.has_refused`)
