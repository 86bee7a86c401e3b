import { type SqlFragment, sql } from '../../sql.ts'
import { firstOfInstallation } from './recorded-key.ts'

/**
 * The moment by which an AuditEvent is sorted. One that is made from a record has the moment of the record, to the millisecond. If the content of the
 * row were named here, every event would be assembled, even those for which it is not needed; so the content of the others is looked up by their key.
 */
export const recordDate = (
  row: SqlFragment,
  inContent: (content: SqlFragment) => SqlFragment,
): SqlFragment => sql.fragment`
  CASE WHEN ${row}.record IS NULL OR ${row}.pk < ${firstOfInstallation} THEN (
    SELECT ${inContent(sql.fragment`shown.content`)} FROM audit_event_shown AS shown
    WHERE shown.patient_id = ${row}.patient_id AND shown.pk = ${row}.pk)
  ELSE date_trunc('milliseconds', ${row}.last_updated) END`
