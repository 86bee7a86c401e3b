import { type SqlFragment, sql } from '../sql.ts'

/** What somebody said by deleting a Consent. */
export type DeletedAnswer = 'rejected' | 'inactive'

/** A draft says nothing yet, and what was entered in error never did. */
export const saysSomething = (status: SqlFragment): SqlFragment =>
  sql.fragment`${status} NOT IN ('draft', 'entered-in-error')`

/** For a row of `deletedConsents`: deleting ends what was given, and says no to what was asked. */
export const saidByDeleting = (row: SqlFragment): SqlFragment => sql.fragment`
  CASE WHEN ${row}.content ->> 'status' IN ('proposed', 'rejected') THEN 'rejected' ELSE 'inactive' END`

/**
 * The Consents to the study that a human has deleted, as they were before, which only the patient does. One that was brought back is there as it is
 * now, and is none of them.
 */
export const deletedConsents = (patientId: SqlFragment, study: SqlFragment): SqlFragment => sql.fragment`
  SELECT told.patient_id, told.pk, told.content ->> 'id' AS id, told.version, told.last_updated, told.owner, told.author, '{}'::bigint[] AS tokens,
    told.content || '{}' AS content, gone.last_updated AS gone_at
  FROM consent_history AS gone
  JOIN consent_history AS told ON told.patient_id = gone.patient_id AND told.pk = gone.pk AND told.version = gone.version - 1
  WHERE gone.patient_id = ${patientId} AND gone.method = 'DELETE' AND consent_study(told.content) = ${study} AND ${saysSomething(sql.fragment`told.content ->> 'status'`)}
    AND NOT EXISTS (SELECT FROM consent AS again WHERE again.patient_id = gone.patient_id AND again.pk = gone.pk)
  OFFSET 0`
