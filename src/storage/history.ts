import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../access/access.ts'
import { parseJson } from '../fhir/json.ts'
import { entryRow, entryTables } from './candidate.ts'
import { compile } from './compile.ts'
import { type Asking, findCurrent, wasVisible } from './current.ts'
import type { Connection } from './database.ts'
import { type Preparing, prepare } from './prepare.ts'
import { historyOf } from './row.ts'
import { servedVersion } from './served-version.ts'
import { sql } from './sql.ts'
import type { Version } from './store.ts'

type Place = { readonly patientId: number; readonly pk: string }

/**
 * All versions that the caller may see, newest first: the current row must pass, and each version's own content too.
 * Absent where the resource itself is not visible (or, deleted, was not).
 */
export const visibleVersions = async (
  connection: Connection,
  asking: Asking & Preparing,
  type: ResourceType,
  id: string,
): Promise<readonly Version[] | undefined> => {
  const current = await findCurrent(connection, asking, type, id, 'r')
  const place: Place | undefined = current ?? (await placeOf(connection, asking, type, id))
  if (place === undefined) return undefined
  if (current === undefined && (await wasVisible(connection, asking, { type, id, ...place }, 'r')) === undefined)
    return undefined
  const rows = await connection.any<Row>(sql.fragment`
    SELECT version, last_updated, method, owner, author, content::text AS content,
      ${servedVersion(type, 'row', id, asking)} AS served
    FROM ${historyOf(type)} AS row
    WHERE patient_id = ${place.patientId} AND pk = ${place.pk} ORDER BY version DESC`)
  const visible = await visibleAmong(connection, asking, { type, id, ...place }, rows)
  const older = rows
    .filter(row => row.content === null || visible.has(row.version))
    .map(row => toVersion(type, id, row))
  return current === undefined
    ? older
    : [{ ...current, method: current.versionId === '1' ? ('POST' as const) : ('PUT' as const) }, ...older]
}

type Row = {
  version: number
  last_updated: Date
  method: Version['method']
  owner: string | null
  author: number
  content: string | null
  /** The content as this caller is served it. */
  served: string | null
}

const placeOf = (
  connection: Connection,
  { typeIds }: Asking,
  type: ResourceType,
  id: string,
): Promise<Place | undefined> =>
  connection.maybeOne(sql.fragment`
    SELECT patient_id AS "patientId", pk FROM resource_identity
    WHERE type_id = ${typeIds.get(type) ?? 0} AND id = ${id}`)

/** Each version asked as if it were a row, with the facts that its own content gives. */
const visibleAmong = async (
  connection: Connection,
  asking: Asking & Preparing,
  { type, id, pk, patientId }: Place & { readonly type: ResourceType; readonly id: string },
  rows: readonly Row[],
): Promise<ReadonlySet<number>> => {
  const drafts = rows.flatMap(({ content, version, last_updated: lastUpdated, owner, author }) =>
    content === null ? [] : [{ resource: parseJson(content) as Resource, id, pk, version, lastUpdated, owner, author }],
  )
  if (drafts.length === 0) return new Set()
  const candidates = await prepare(connection, asking, drafts, new Date())
  const visible = []
  // One at a time, under the number that the row has now: a row's side rows are found by its pk, and all versions have the same.
  for (const prepared of candidates) {
    const candidate = { ...prepared, patientId }
    const passes = await connection.maybeOne(sql.fragment`
      WITH ${entryTables([candidate])}
      SELECT FROM entry WHERE ${compile(restrict(asking.access, 'r', type), entryRow(type), asking.classes)}`)
    if (passes !== undefined) visible.push(candidate.version)
  }
  return new Set(visible)
}

const toVersion = (type: ResourceType, id: string, { version, last_updated, method, served }: Row): Version => ({
  type,
  id,
  versionId: String(version),
  lastUpdated: last_updated,
  method,
  ...(served === null ? {} : { content: served }),
})
