import type { ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { roomOfPage } from '../../search/room.ts'
import { compile } from '../compile/compile.ts'
import { type Asking, lastVersion } from '../current.ts'
import type { Connection } from '../database.ts'
import type { Preparing } from '../prepare/prepare.ts'
import { historyOf, storedRow, tableOf } from '../row.ts'
import { withFewSharing } from '../search/few-sharing.ts'
import type { ManyPatients } from '../search/many-patients.ts'
import { allOf, name, type SqlFragment, sql } from '../sql.ts'
import type { HistoryAsked, VersionPage } from '../store.ts'
import { type OldVersion, visibleAmong } from './old-version.ts'
import { type FoundVersion, fillVersions, servedVersions } from './version-content.ts'
import { inPeriod } from './version-period.ts'

/**
 * What changed last in some types, newest first. The current row of a resource must pass the gate, or if it is deleted the last version, and so must
 * the content of each version itself. As many versions are looked at as it takes to fill a page, but not many more: a page that stays short has a
 * `next` all the same.
 */
export const historyOfTypes = async (
  connection: Connection,
  whole: Asking & Preparing & { readonly manyPatients: ManyPatients },
  types: readonly ResourceType[],
  { cursor, ...asked }: HistoryAsked,
): Promise<VersionPage> => {
  const used = await typesInUse(connection, whole, types)
  const asking = await withFewSharing(connection, whole, { action: 's', types: used })
  const found: (Found & OldVersion)[] = []
  let position = cursor === undefined ? undefined : (JSON.parse(cursor) as Position)
  let letters = roomOfPage
  let isMore = true
  for (let round = 0; isMore && round < mostRounds && found.length <= asked.count; round++) {
    const looked = await newest(connection, asking, used, { ...asked, position })
    const { filled, left } = await fillVersions(connection, looked, { letters, takesFirst: letters === roomOfPage })
    isMore = looked.length > asked.count || filled.length < looked.length
    position = positionOf(filled.at(-1)) ?? position
    letters = left
    found.push(...(await visible(connection, asking, filled)))
    if (filled.length < looked.length) break
  }
  const page = found.slice(0, asked.count)
  const end = found.length > page.length ? positionOf(page.at(-1)) : isMore ? position : undefined
  const entries = await servedVersions(connection, asking, page)
  return {
    entries,
    ...(end === undefined ? totalOf(entries, cursor) : { next: JSON.stringify(end) }),
  }
}

/** Known if one page has everything. */
const totalOf = (entries: VersionPage['entries'], cursor: string | undefined): Pick<VersionPage, 'total'> =>
  cursor === undefined ? { total: entries.length } : {}

const mostRounds = 5

type Found = FoundVersion & { readonly isCurrent: boolean }

/** Where a page ends. The order is newest first, then by type, then by key. */
type Position = {
  readonly at: string
  readonly type: ResourceType
  readonly pk: string
  readonly version: number
}

const positionOf = (version: Found | undefined): Position | undefined =>
  version && { at: version.lastUpdated.toISOString(), type: version.type, pk: version.pk, version: version.version }

/** Most of the 148 types have no rows at all. The table of ids tells which have. */
const typesInUse = async (
  connection: Connection,
  { typeId }: Asking,
  types: readonly ResourceType[],
): Promise<readonly ResourceType[]> => {
  if (types.length === 1) return types
  const rows = await connection.any<{ id: number }>(sql.fragment`
    WITH RECURSIVE used AS (
      (SELECT type_id AS id FROM resource_identity ORDER BY type_id LIMIT 1)
      UNION ALL
      SELECT (SELECT type_id FROM resource_identity WHERE type_id > used.id ORDER BY type_id LIMIT 1)
      FROM used WHERE used.id IS NOT NULL
    )
    SELECT id FROM used WHERE id IS NOT NULL`)
  const ids = new Set(rows.map(({ id }) => id))
  return types.filter(type => ids.has(typeId(type)))
}

type Looking = Omit<HistoryAsked, 'cursor'> & { readonly position: Position | undefined }

/** One more than a page of versions of resources that the caller may see; the contents of the versions are not asked about yet. */
const newest = async (
  connection: Connection,
  asking: Asking,
  types: readonly ResourceType[],
  looking: Looking,
): Promise<readonly Found[]> => {
  const found: Found[] = []
  for (const type of types) {
    const rows = await connection.any<Omit<Found, 'type'>>(statement(type, asking, looking))
    found.push(...rows.map(row => ({ ...row, type })))
  }
  return found.sort(inOrder).slice(0, looking.count + 1)
}

const inOrder = (one: Found, other: Found): number =>
  other.lastUpdated.getTime() - one.lastUpdated.getTime() ||
  compareTypes(one.type, other.type) ||
  Number(BigInt(other.pk) - BigInt(one.pk)) ||
  other.version - one.version

const compareTypes = (one: ResourceType, other: ResourceType): number => (one < other ? -1 : one > other ? 1 : 0)

const visible = async (
  connection: Connection,
  asking: Asking & Preparing,
  looked: readonly (Found & OldVersion)[],
): Promise<readonly (Found & OldVersion)[]> => {
  const shown = new Set(looked.filter(({ isCurrent }) => isCurrent))
  const old = looked.filter(({ isCurrent }) => !isCurrent)
  for (const [type, versions] of Map.groupBy(old, one => one.type)) {
    for (const version of await visibleAmong(connection, asking, { type, action: 's' }, versions)) shown.add(version)
  }
  return looked.filter(one => shown.has(one))
}

/** Current rows, their older versions, and the versions of deleted resources: each come newest first from their index, and are then merged. */
const statement = (type: ResourceType, { access, classes }: Asking, looking: Looking): SqlFragment => {
  const allowed = restrict(access, 's', type)
  const current = compile(allowed, storedRow(type, 'row'), classes)
  const last = lastVersion(type, { alias: 'old' })
  const order = (alias: string, version: SqlFragment) =>
    sql.fragment`ORDER BY ${name(alias)}.last_updated DESC, ${name(alias)}.pk DESC, ${version} LIMIT ${looking.count + 1}`
  const byVersion = sql.fragment`old.version DESC`
  return sql.fragment`
    WITH version AS (
      (SELECT row.patient_id, row.pk, row.id, row.version, row.last_updated,
        CASE row.version WHEN 1 THEN 'POST' ELSE 'PUT' END AS method, row.owner, row.author, TRUE AS is_current
      FROM ${tableOf(type)} AS row
      WHERE ${current} AND ${within(type, 'row', looking)} ${order('row', sql.fragment`row.version`)})
      UNION ALL
      (SELECT old.patient_id, old.pk, row.id, old.version, old.last_updated, old.method, old.owner, old.author, FALSE
      FROM ${historyOf(type)} AS old
      JOIN ${tableOf(type)} AS row ON row.patient_id = old.patient_id AND row.pk = old.pk
      WHERE ${current} AND ${within(type, 'old', looking)} ${order('old', byVersion)})
      UNION ALL
      (SELECT old.patient_id, old.pk, row.id, old.version, old.last_updated, old.method, old.owner, old.author, FALSE
      FROM ${historyOf(type)} AS old, LATERAL (${last.query}) AS row
      WHERE EXISTS (
          SELECT FROM ${historyOf(type)} AS deletion
          WHERE deletion.patient_id = old.patient_id AND deletion.pk = old.pk AND deletion.method = 'DELETE')
        AND NOT EXISTS (
          SELECT FROM ${tableOf(type)} AS living WHERE living.patient_id = old.patient_id AND living.pk = old.pk)
        AND ${compile(allowed, last.row, classes)} AND ${within(type, 'old', looking)} ${order('old', byVersion)})
    )
    SELECT id, patient_id AS "patientId", pk, version, last_updated AS "lastUpdated", method, owner, author, is_current AS "isCurrent"
    FROM version ORDER BY last_updated DESC, pk DESC, version DESC LIMIT ${looking.count + 1}`
}

/** The versions that are asked for, and not shown yet. */
const within = (type: ResourceType, alias: string, looking: Looking): SqlFragment =>
  allOf([
    sql.fragment`TRUE`,
    ...inPeriod(type, alias, looking),
    ...(looking.position === undefined ? [] : [behind(type, name(alias), looking.position)]),
  ])

const behind = (type: ResourceType, row: SqlFragment, { at, type: last, pk, version }: Position): SqlFragment => {
  const order = compareTypes(type, last)
  if (order !== 0)
    return sql.fragment`${row}.last_updated ${order < 0 ? sql.fragment`<` : sql.fragment`<=`} ${at}::timestamptz`
  return sql.fragment`${row}.last_updated <= ${at}::timestamptz
    AND (${row}.last_updated, ${row}.pk, ${row}.version) < (${at}::timestamptz, ${pk}::bigint, ${version}::integer)`
}
