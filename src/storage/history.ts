import type { ResourceType } from '@medplum/fhirtypes'
import { type Asking, findCurrent, wasVisible } from './current.ts'
import type { Connection } from './database.ts'
import { type OldVersion, visibleAmong } from './old-version.ts'
import type { Preparing } from './prepare.ts'
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
    SELECT ${id}::text AS id, patient_id AS "patientId", pk, version, last_updated AS "lastUpdated", method, owner, author,
      content::text AS content, ${servedVersion(type, 'row', id, asking)} AS served
    FROM ${historyOf(type)} AS row
    WHERE patient_id = ${place.patientId} AND pk = ${place.pk} ORDER BY version DESC`)
  const older = (await visibleAmong(connection, asking, { type, action: 'r' }, rows)).map(row => toVersion(type, row))
  return current === undefined
    ? older
    : [{ ...current, method: current.versionId === '1' ? ('POST' as const) : ('PUT' as const) }, ...older]
}

type Row = OldVersion & {
  readonly method: Version['method']
  /** The content as this caller is served it. */
  readonly served: string | null
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

export const toVersion = (type: ResourceType, { id, version, lastUpdated, method, served }: Row): Version => ({
  type,
  id,
  versionId: String(version),
  lastUpdated,
  method,
  ...(served === null ? {} : { content: served }),
})
