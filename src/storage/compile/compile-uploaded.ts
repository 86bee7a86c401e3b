import type { Expression } from '../../search/expression.ts'
import { type RowNames, storedRow, typeIdOf } from '../row.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { Compiling } from './compiling.ts'

type Uploaded = Extract<Expression, { kind: 'uploaded' }>

/**
 * The upload of this Provenance brought an Observation for which the inner question holds. If an id is asked for, the key of that Observation leads to its
 * uploads. Without OFFSET, PostgreSQL would first find all uploads of everybody for which it holds, for a page of twenty.
 */
export const compileUploaded = ({ id, of }: Uploaded, at: Compiling): SqlFragment => {
  const { row, depth } = at
  const alias = `uploaded_${depth}`
  const inner = at.compile(of, { ...at, row: storedRow('Observation', alias), depth: depth + 1 })
  if (id === undefined)
    return sql.fragment`EXISTS (
      SELECT FROM upload_target AS brought JOIN ${observations(alias)}
      WHERE brought.patient_id = ${row.row}.patient_id AND brought.pk = ${row.row}.pk AND ${inner}
      OFFSET 0)`
  return sql.fragment`${row.row}.pk = ANY (ARRAY(
    SELECT brought.pk
    FROM resource_identity AS identity
    JOIN upload_target AS brought ON brought.patient_id = identity.patient_id AND brought.observation = identity.pk
    JOIN ${observations(alias)}
    WHERE identity.type_id = ${typeIdOf('Observation')}
      AND identity.id = ${id} AND ${inner}))`
}

/** To be joined with `upload_target AS brought`. */
const observations = (alias: string): SqlFragment => sql.fragment`observation AS ${name(alias)}
  ON ${name(alias)}.patient_id = brought.patient_id AND ${name(alias)}.pk = brought.observation`

/** The row is an Observation that an upload brought, and `inner` holds for the upload's Provenance, under the alias. */
export const broughtByUpload = ({ row }: RowNames, alias: string, inner: SqlFragment): SqlFragment =>
  sql.fragment`(${row}.patient_id, ${row}.pk) IN (
    SELECT brought.patient_id, brought.observation
    FROM upload_target AS brought
    JOIN provenance AS ${name(alias)} ON ${name(alias)}.patient_id = brought.patient_id AND ${name(alias)}.pk = brought.pk
    WHERE ${inner})`
