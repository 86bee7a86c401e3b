import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { historyOf, tableOf } from '../row.ts'
import { fillRoom } from '../search/room.ts'
import { isStoredWhole, type Serving, servedContent } from '../search/served-content.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { Version } from '../store.ts'
import type { OldVersion } from './old-version.ts'
import { servedVersion } from './served-version.ts'

/** A version, current or in the history, that was found but is not loaded yet. */
export type FoundVersion = Omit<OldVersion, 'content'> & {
  readonly type: ResourceType
  readonly method: Version['method']
}

/** How many letters a page has left. `takesFirst`: it has no version yet, and takes one however long that is. */
export type PageLeft = { readonly letters: number; readonly takesFirst: boolean }

/** As many of the versions, from the first on, as there is room for, with their contents. */
export const fillVersions = async <Found extends FoundVersion>(
  connection: Connection,
  found: readonly Found[],
  left: PageLeft,
): Promise<{ readonly filled: readonly (Found & OldVersion)[]; readonly left: number }> => {
  const rows = found.map(one => ({
    ...one,
    patient_id: one.patientId,
    content: one.method === 'DELETE' ? nothing : null,
  }))
  const room = await fillRoom(connection, rows, {
    ...left,
    typeOf: ({ type }) => type,
    contentOf: () => sql.fragment`body.content::text`,
    versionOf: anyVersion,
  })
  return {
    ...room,
    filled: room.filled.map(one => ({ ...one, content: one.content === nothing ? null : one.content })),
  }
}

/** The content of a deletion, which takes no room. */
const nothing = ''

/** As they are served to this caller. */
export const servedVersions = async (
  connection: Connection,
  serving: Serving,
  versions: readonly (FoundVersion & OldVersion)[],
): Promise<readonly Version[]> => {
  const contents = new Map(versions.map(one => [one, one.content]))
  for (const [type, some] of Map.groupBy(versions, one => one.type)) {
    if (isStoredWhole(type)) continue
    for (const [index, content] of await served(connection, serving, type, some)) {
      const version = some[index]
      if (version !== undefined) contents.set(version, content)
    }
  }
  return versions.map(one => toVersion(one, contents.get(one) ?? null))
}

const toVersion = (
  { type, id, patientId, version, lastUpdated, method }: FoundVersion,
  content: string | null,
): Version => ({
  type,
  id,
  patientId,
  versionId: String(version),
  lastUpdated,
  method,
  ...(content === null ? {} : { content }),
})

/** By their place among the versions. */
const served = async (
  connection: Connection,
  serving: Serving,
  type: ResourceType,
  versions: readonly OldVersion[],
): Promise<ReadonlyMap<number, string | null>> => {
  const [patients, pks, numbers, ids] = [
    versions.map(one => one.patientId),
    versions.map(one => one.pk),
    versions.map(one => one.version),
    versions.map(one => one.id),
  ]
  const rows = await connection.any<{ place: number; content: string | null }>(sql.fragment`
    SELECT key.place::integer AS place,
      CASE WHEN body.pk IS NULL THEN ${servedVersion(type, 'past', sql.fragment`key.id`, serving)}
        ELSE ${servedContent(type, 'body', serving)} END AS content
    FROM unnest(${sql.array(patients, 'int4')}, ${sql.array(pks, 'int8')}, ${sql.array(numbers, 'int4')}, ${sql.array(ids, 'text')})
      WITH ORDINALITY AS key(patient_id, pk, version, id, place)
    LEFT JOIN ${tableOf(type)} AS body ON ${isKey('body')}
    LEFT JOIN ${historyOf(type)} AS past ON ${isKey('past')}`)
  return new Map(rows.map(({ place, content }) => [place - 1, content]))
}

/** The version of the row `key`, wherever it is by now. */
const anyVersion = (type: ResourceType): SqlFragment => sql.fragment`(
  SELECT stored.content FROM ${tableOf(type)} AS stored WHERE ${isKey('stored')}
  UNION ALL
  SELECT past.content FROM ${historyOf(type)} AS past WHERE ${isKey('past')})`

const isKey = (alias: string): SqlFragment =>
  sql.fragment`${name(alias)}.patient_id = key.patient_id AND ${name(alias)}.pk = key.pk AND ${name(alias)}.version = key.version`
