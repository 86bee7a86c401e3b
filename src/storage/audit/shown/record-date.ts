import { type SqlFragment, sql } from '../../sql.ts'
import { firstOfInstallation } from './recorded-key.ts'

/**
 * By which moment an AuditEvent comes in an order. One that is made of a record has the moment of the record, to the millisecond. To read it out of the
 * content, every event would have to be assembled, even if the row only might have to be asked; so the content of others is looked up by their key.
 */
export const recordDate = (
  row: SqlFragment,
  inContent: (content: SqlFragment) => SqlFragment,
): SqlFragment => sql.fragment`
  CASE WHEN ${row}.record IS NULL OR ${row}.pk < ${firstOfInstallation} THEN (
    SELECT ${inContent(sql.fragment`shown.content`)} FROM audit_event_shown AS shown
    WHERE shown.patient_id = ${row}.patient_id AND shown.pk = ${row}.pk)
  ELSE date_trunc('milliseconds', ${row}.last_updated) END`
