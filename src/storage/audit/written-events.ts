import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { digestOf } from './seal/chain.ts'

/**
 * In words, the first AuditEvent of these records that is missing, or not as it was written. If it was replaced or deleted since, the history has it,
 * and a later record says so, in the commit of a record that says who did it.
 */
export const findChangedEvent = async (
  connection: Connection,
  records: readonly string[],
): Promise<string | undefined> => {
  if (records.length === 0) return undefined
  const versions = await connection.any<Version>(sql.fragment`
    SELECT record.id::text AS record, record.resource AS id, noted.digest, kept.fields, kept.patient_id = ANY(noted.numbers) AS "isTheirs"
    FROM audit_record AS record
    CROSS JOIN LATERAL (
      SELECT split_part(record.written, ' ', 1)::integer AS version, split_part(record.written, ' ', 3) AS digest,
        CASE split_part(record.written, ' ', 2) WHEN '0' THEN ARRAY(SELECT earlier FROM compartment_joining UNION SELECT 0)
          ELSE ARRAY[audit_number_now(split_part(record.written, ' ', 2)::integer)] END AS numbers) AS noted
    LEFT JOIN resource_identity AS identity ON identity.id = record.resource
      AND identity.type_id = ${typeIdOf('AuditEvent')}
    LEFT JOIN LATERAL (
      SELECT row.patient_id, ${fieldsOf(sql.fragment`row`, sql.fragment`row.id`)} AS fields FROM audit_event AS row
      WHERE row.patient_id = identity.patient_id AND row.pk = identity.pk AND row.version = noted.version
      UNION ALL
      SELECT past.patient_id, ${fieldsOf(sql.fragment`past`, sql.fragment`record.resource`)} FROM audit_event_history AS past
      WHERE past.patient_id = identity.patient_id AND past.pk = identity.pk AND past.version = noted.version AND EXISTS (
        SELECT FROM audit_record AS later
        JOIN audit_record AS doing ON doing.epoch = later.epoch AND doing.xact = later.xact
        WHERE later.resource = record.resource AND later.written IS NOT NULL AND later.id > record.id
          AND doing.client IS NOT NULL AND 'AuditEvent' = ANY(string_to_array(doing.type, ' ')))) AS kept ON TRUE
    WHERE record.id = ANY(${sql.array([...records], 'int8')})
    ORDER BY record.id`)
  for (const [record, kept] of Map.groupBy(versions, one => one.record)) {
    if (kept.some(isAsWritten)) continue
    const isThere = kept.some(({ fields }) => fields !== null)
    return `AuditEvent/${kept[0]?.id}, of which row ${record} tells, is ${isThere ? 'not as it was written' : 'missing'}`
  }
  return undefined
}

type Version = {
  readonly record: string
  readonly id: string
  readonly digest: string
  readonly fields: readonly (string | null)[] | null
  /** Whether it is with the patients with whom it was written, under the number that they have now. */
  readonly isTheirs: boolean | null
}

const isAsWritten = ({ fields, digest, isTheirs }: Version): boolean =>
  fields !== null && isTheirs === true && digestOf(fields).toString('hex') === digest

/** As in `note_written_event`. */
const fieldsOf = (row: SqlFragment, id: SqlFragment): SqlFragment =>
  sql.fragment`ARRAY[${id}, (extract(epoch FROM ${row}.last_updated) * 1000000)::bigint::text, ${row}.owner, ${row}.author::text, ${row}.content::text]`
