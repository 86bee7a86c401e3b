import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import type { Action } from '../search/expression.ts'
import { recordedKey } from './audit/shown/recorded-key.ts'
import { type Gate, passesGate } from './compile/gate.ts'
import type { Connection } from './database.ts'
import { exclusive } from './lock-keys.ts'
import { historyOf, kindOf, type RowNames, searchedOf, storedRow, tableOf } from './row.ts'
import { servedContent } from './search/served-content.ts'
import { name, type SqlFragment, sql } from './sql.ts'
import type { Stored } from './store.ts'
import type { Place } from './write/update.ts'

/** What is needed to ask for single rows on somebody's behalf. */
export type Asking = Gate & {
  /** The number of a type in `resource_identity`; 0 for one that has no table. */
  readonly typeId: (type: ResourceType) => number
}

/** The current row, with its key. */
export type Current = Stored & { readonly pk: string; readonly owner: string | null }

type Row = {
  patient_id: number
  pk: string
  version: number
  last_updated: Date
  owner: string | null
  kind_id?: number
  content: string
}

/** The current version, if there is one and the caller may do this to it. */
export const findCurrent = async (
  connection: Connection,
  asking: Asking,
  type: ResourceType,
  id: string,
  action: Action,
): Promise<Current | undefined> => {
  const [found] = await connection.kept<Row>(sql.fragment`
    SELECT row.patient_id, row.pk, row.version, row.last_updated, row.owner, ${kindOf(type, 'row')}
      ${servedContent(type, 'row', asking)} AS content
    FROM ${rowsOf(asking.typeId, type, id)} AND ${passesGate(asking, action, type, 'row')}`)
  return found === undefined
    ? undefined
    : {
        type,
        id,
        patientId: found.patient_id,
        pk: found.pk,
        owner: found.owner,
        versionId: String(found.version),
        lastUpdated: found.last_updated,
        content: found.content,
        kindId: found.kind_id,
      }
}

const recordedIn = (type: ResourceType, id: string): bigint | undefined =>
  type === 'AuditEvent' ? recordedKey(id) : undefined

/** Throws for what is made from a record: nobody writes that. */
export const refuseRecorded = (type: ResourceType, id: string): void => {
  const isOfUpload = type === 'Provenance' && id.startsWith(uploadProvenance)
  if (recordedIn(type, id) === undefined && !isOfUpload) return
  throw new FhirError('forbidden', `${type}/${id} is made of what is recorded, and is never written`)
}

/** How the id of the Provenance of an upload begins. */
export const uploadProvenance = 'upload-'

/** The row with the id, under the alias `row`, and the condition that it is that one. */
const rowsOf = (typeId: Asking['typeId'], type: ResourceType, id: string): SqlFragment => {
  const key = recordedIn(type, id)
  return key === undefined
    ? sql.fragment`resource_identity AS identity
        JOIN ${tableOf(type)} AS row ON row.patient_id = identity.patient_id AND row.pk = identity.pk
        WHERE identity.type_id = ${typeId(type)} AND identity.id = ${id}`
    : sql.fragment`${searchedOf(type)} AS row WHERE row.pk = ${key}::bigint`
}

/** As it is stored. When a Group is served, its members are added. */
export const storedContent = async (connection: Connection, { type, patientId, pk, content }: Current) => {
  if (type !== 'Group') return content
  const row = await connection.one<{ content: string }>(sql.fragment`
    SELECT content::text AS content FROM ${tableOf(type)} WHERE patient_id = ${patientId} AND pk = ${pk}`)
  return row.content
}

/** The place of the id, even after a deletion. */
export const findPlace = (
  connection: Connection,
  { typeId }: Pick<Asking, 'typeId'>,
  type: ResourceType,
  id: string,
): Promise<Omit<Place, 'type'> | undefined> =>
  connection.maybeOne(sql.fragment`
    SELECT patient_id AS "patientId", pk FROM resource_identity
    WHERE type_id = ${typeId(type)} AND id = ${id}`)

/** The same. Locks it until the transaction ends, so that changes take turns. */
export const lockPlace = async (
  connection: Connection,
  { typeId }: Pick<Asking, 'typeId'>,
  type: ResourceType,
  id: string,
): Promise<Omit<Place, 'type'> | undefined> =>
  connection.take('place', exclusive([`${typeId(type)}/${id}`]), () =>
    connection.maybeOne(sql.fragment`
      SELECT patient_id AS "patientId", pk FROM resource_identity
      WHERE type_id = ${typeId(type)} AND id = ${id} FOR UPDATE`),
  )

/** For a deleted resource that is not there again: its deletion, if the caller could have done this to the last version with a content. */
export const wasVisible = async (
  connection: Connection,
  gate: Gate,
  { type, patientId, pk, id }: Place & { readonly id: string },
  action: Action,
): Promise<{ readonly versionId: string; readonly lastUpdated: Date } | undefined> => {
  const last = lastVersion(type, { alias: 'deletion', id })
  const row = await connection.maybeOne<{ version: number; last_updated: Date }>(sql.fragment`
    SELECT deletion.version, deletion.last_updated
    FROM ${historyOf(type)} AS deletion,
      LATERAL (${last.query}) AS row
    WHERE deletion.patient_id = ${patientId} AND deletion.pk = ${pk} AND deletion.method = 'DELETE'
      AND NOT EXISTS (SELECT FROM ${tableOf(type)} AS living WHERE living.patient_id = ${patientId} AND living.pk = ${pk})
      AND ${passesGate(gate, action, type, last.row)}
    ORDER BY deletion.version DESC LIMIT 1`)
  return row === undefined ? undefined : { versionId: String(row.version), lastUpdated: row.last_updated }
}

/**
 * The last version with a content of the row under the alias, as a query, and as the compiler sees it. Its side rows went with the deletion, so the
 * content alone has to do: hence `indexed: false` and no codes.
 */
export const lastVersion = (
  type: ResourceType,
  { alias, id }: { readonly alias: string; readonly id?: string },
): { readonly query: SqlFragment; readonly row: RowNames } => {
  const of = name(alias)
  const facts = type === 'Observation' ? unknownFacts : sql.fragment``
  return {
    query: sql.fragment`
      SELECT history.*, ${id === undefined ? sql.fragment`history.content ->> 'id'` : sql.fragment`${id}::text`} AS id ${facts}
      FROM ${historyOf(type)} AS history
      WHERE history.patient_id = ${of}.patient_id AND history.pk = ${of}.pk AND history.content IS NOT NULL
      ORDER BY history.version DESC LIMIT 1`,
    row: { ...storedRow(type, 'row'), indexed: false },
  }
}

/** No consent covers what is unknown, so only the patient is told that an Observation was deleted. */
const unknownFacts = sql.fragment`, 0 AS kind_id, 0 AS device_id, '-infinity'::timestamptz AS effective_start,
  'infinity'::timestamptz AS effective_end, FALSE AS is_joint, NULL::timestamptz AS lasts_from,
  NULL::timestamptz AS lasts_until`
