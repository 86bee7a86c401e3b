import { type SqlFragment, sql } from '../../sql.ts'

/**
 * Whether what is shown whole, of a record of several patients, concerns this one too: then it is also shown in a row of the
 * patient's own. That is found by its time, as the patient's pages are.
 */
export const isOfSeveral = (
  row: SqlFragment,
  patientId: SqlFragment,
): SqlFragment => sql.fragment`(${row}.pk < 0 AND EXISTS (
  SELECT FROM audit_shown AS whole
  JOIN audit_shown AS part ON part.record = whole.record
  WHERE whole.pk = ${row}.pk AND part.patient_id = ${patientId} AND part.recorded = ${row}.last_updated))`
