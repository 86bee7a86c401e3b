import { type SqlFragment, sql } from '../../sql.ts'

/**
 * Whether an event that is shown whole, of a record about several patients, also concerns this one: then it is also shown in a row of the patient's
 * own. It is found by its time, like the patient's pages.
 */
export const isOfSeveral = (
  row: SqlFragment,
  patientId: SqlFragment,
): SqlFragment => sql.fragment`(${row}.pk < 0 AND EXISTS (
  SELECT FROM audit_shown AS whole
  JOIN audit_shown AS part ON part.record = whole.record
  WHERE whole.pk = ${row}.pk AND part.patient_id = ${patientId} AND part.recorded = ${row}.last_updated))`
