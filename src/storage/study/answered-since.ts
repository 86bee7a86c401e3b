import { type SqlFragment, sql } from '../sql.ts'
import { isDiscardedPaper } from './paper-consent.ts'

/**
 * Whether whoever has the place in the study has given, changed, ended or deleted an answer to the study since that moment. What is drafted or
 * proposed, or recorded from paper and discarded, is none.
 */
export const hasAnsweredSince = (subject: SqlFragment, study: SqlFragment, moment: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (
    SELECT FROM enrolment AS place
    WHERE place.id = ${subject} AND (EXISTS (
      SELECT FROM consent
      WHERE consent.patient_id = place.patient_id AND consent.last_updated > ${moment} AND consent_study(consent.content) = ${study}
        AND consent.content ->> 'status' NOT IN ('draft', 'proposed') AND NOT ${isDiscardedPaper(sql.fragment`consent`)} OFFSET 0)
    OR EXISTS (
      SELECT FROM consent_history AS gone
      JOIN consent_history AS told ON told.patient_id = gone.patient_id AND told.pk = gone.pk AND told.version = gone.version - 1
      WHERE gone.patient_id = place.patient_id AND gone.method = 'DELETE' AND gone.last_updated > ${moment}
        AND consent_study(told.content) = ${study} OFFSET 0)))`
