import type { ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { isBefore } from '../../fhir/date.ts'
import { roomOfPage } from '../../search/room.ts'
import { type Asking, type Current, findCurrent, findPlace, wasVisible } from '../current.ts'
import type { Connection } from '../database.ts'
import type { Preparing } from '../prepare/prepare.ts'
import { historyOf } from '../row.ts'
import { allOf, type SqlFragment, sql } from '../sql.ts'
import type { HistoryAsked, Version, VersionPage } from '../store.ts'
import { visibleAmong } from './old-version.ts'
import { type FoundVersion, fillVersions, servedVersions } from './version-content.ts'
import { inPeriod } from './version-period.ts'

/**
 * The versions that the caller may see, newest first: the current row must pass the gate, and so must the content of each version. Undefined if the
 * resource itself is not visible or, deleted, was not. As many versions are looked at as it takes to fill a page, but not many more: a page that stays
 * short has a `next` all the same.
 */
export const historyOfInstance = async (
  connection: Connection,
  asking: Asking & Preparing,
  { type, id }: Instance,
  asked: HistoryAsked,
): Promise<VersionPage | undefined> => {
  const shown = await findShown(connection, asking, { type, id })
  if (shown === undefined) return undefined
  const { found, before } = await gathered(connection, asking, shown, asked)
  const entries = found.slice(0, asked.count)
  const end = found.length > entries.length ? entries.at(-1)?.versionId : before
  if (asked.cursor === undefined && end === undefined) return { entries, total: entries.length }
  return {
    entries,
    ...(await totalOf(connection, asking, shown, asked)),
    ...(end === undefined ? {} : { next: end }),
  }
}

/** One more version than a page has, if there are so many. `before`: set if no older versions were looked at. */
const gathered = async (
  connection: Connection,
  asking: Asking & Preparing,
  shown: Shown,
  asked: HistoryAsked,
): Promise<{ readonly found: readonly Version[]; readonly before: string | undefined }> => {
  const { type, current } = shown
  const found: Version[] = asked.cursor === undefined ? [...currentIn(shown, asked)] : []
  let before = asked.cursor ?? current?.versionId
  let letters = roomOfPage - (found[0]?.content?.length ?? 0)
  for (let round = 0; round < mostRounds && found.length <= asked.count; round++) {
    const looked = await older(connection, shown, versionsBefore(shown, asked, before), asked.count + 1)
    const { filled, left } = await fillVersions(connection, looked, { letters, takesFirst: letters === roomOfPage })
    before = filled.at(-1)?.version.toString() ?? before
    letters = left
    const visible = await visibleAmong(connection, asking, { type, action: 'r' }, filled)
    found.push(...(await servedVersions(connection, asking, visible)))
    if (filled.length < looked.length) break
    if (looked.length <= asked.count) return { found, before: undefined }
  }
  return { found, before }
}

const mostRounds = 5

/** Undefined if there is no such version, or none that the caller may see. */
export const visibleVersion = async (
  connection: Connection,
  asking: Asking & Preparing,
  { type, id }: Instance,
  versionId: string,
): Promise<Version | undefined> => {
  const shown = await findShown(connection, asking, { type, id })
  if (shown === undefined) return undefined
  if (shown.current?.versionId === versionId) return shown.current
  if (!/^[1-9]\d{0,8}$/.test(versionId)) return undefined
  const named = allOf([ofPlace(shown), sql.fragment`row.version = ${Number(versionId)}`])
  const looked = await older(connection, shown, named, 1)
  const { filled } = await fillVersions(connection, looked, { letters: roomOfPage, takesFirst: true })
  const visible = await visibleAmong(connection, asking, { type, action: 'r' }, filled)
  const [version] = await servedVersions(connection, asking, visible)
  return version
}

type Instance = { readonly type: ResourceType; readonly id: string }

/** A resource that the caller may see now, or a deleted one that they could see before. */
type Shown = Instance & {
  readonly patientId: number
  readonly pk: string
  readonly current: CurrentVersion | undefined
}

type CurrentVersion = Current & Pick<Version, 'method'>

const findShown = async (
  connection: Connection,
  asking: Asking,
  { type, id }: Instance,
): Promise<Shown | undefined> => {
  const current = await findCurrent(connection, asking, type, id, 'r')
  if (current !== undefined) {
    const { patientId, pk } = current
    return { type, id, patientId, pk, current: { ...current, method: current.versionId === '1' ? 'POST' : 'PUT' } }
  }
  const place = await findPlace(connection, asking, type, id)
  if (place === undefined) return undefined
  const deletion = await wasVisible(connection, asking, { type, id, ...place }, 'r')
  return deletion === undefined ? undefined : { type, id, ...place, current: undefined }
}

/** The current version, if it is asked for. With `at` it only has to have begun in time, since it is current still. */
const currentIn = ({ current }: Shown, { since, at }: HistoryAsked): readonly CurrentVersion[] => {
  if (current === undefined) return []
  const time = current.lastUpdated.toISOString()
  const isIn = (since === undefined || !isBefore(time, since)) && (at === undefined || isBefore(time, at.high))
  return isIn ? [current] : []
}

const ofPlace = ({ patientId, pk }: Shown): SqlFragment =>
  sql.fragment`row.patient_id = ${patientId} AND row.pk = ${pk}`

const versionsBefore = (shown: Shown, asked: HistoryAsked, before: string | undefined): SqlFragment =>
  allOf([
    ofPlace(shown),
    ...inPeriod(shown.type, 'row', asked),
    ...(before === undefined ? [] : [sql.fragment`row.version < ${Number(before)}`]),
  ])

const older = (
  connection: Connection,
  { type, id }: Instance,
  where: SqlFragment,
  limit: number,
): Promise<readonly FoundVersion[]> =>
  connection.any(sql.fragment`
    SELECT ${type}::text AS type, ${id}::text AS id, patient_id AS "patientId", pk, version, last_updated AS "lastUpdated",
      method, owner, author
    FROM ${historyOf(type)} AS row
    WHERE ${where} ORDER BY version DESC LIMIT ${limit}`)

/** Known without looking at each version only if all of them pass. */
const totalOf = async (
  connection: Connection,
  { access }: Asking,
  shown: Shown,
  asked: HistoryAsked,
): Promise<Pick<VersionPage, 'total'>> => {
  if (restrict(access, 'r', shown.type).kind !== 'all') return {}
  const { count } = await connection.one<{ count: string }>(sql.fragment`
    SELECT count(*) FROM ${historyOf(shown.type)} AS row WHERE ${versionsBefore(shown, asked, undefined)}`)
  return { total: Number(count) + currentIn(shown, asked).length }
}
