import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { historyOf, searchedOf } from '../row.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'

/** A row of an answer. Its content is null if it was not loaded yet, because it might not fit. */
export type Unfilled = {
  readonly patient_id: number
  readonly pk: string
  readonly version: number
  readonly content: string | null
}

export type Filled<Row extends Unfilled> = Row & { readonly content: string }

/** `content`, if it is certain without loading it that it takes no more than its share. */
export const contentInShare = (share: SqlFragment, content: SqlFragment): SqlFragment =>
  sql.fragment`CASE WHEN ${mostLetters} <= ${share} THEN ${content} END`

/** The same, if it fits into the room together with everything before it in the order; if `orElse` holds, it is loaded in any case. */
export const contentWithin = (room: SqlFragment, content: SqlFragment, { order, orElse }: Within): SqlFragment => {
  const isSoFar = sql.fragment`sum(${mostLetters}) OVER (${order} ROWS UNBOUNDED PRECEDING) <= ${room}`
  return sql.fragment`CASE WHEN ${orElse === undefined ? isSoFar : anyOf([orElse, isSoFar])} THEN ${content} END`
}

type Within = { readonly order: SqlFragment; readonly orElse?: SqlFragment }

/**
 * The greatest possible length of the text of the row `body`. Compressed content may be so many times longer; its real length is only known once it
 * is loaded.
 */
export const mostLetters = sql.fragment`(CASE
  WHEN pg_column_compression(body.content) IS NULL THEN pg_column_size(body.content)
  WHEN pg_column_compression(body.content) = 'pglz' THEN 91 * least(pg_column_size(body.content), 8388608)
  ELSE 255 * least(pg_column_size(body.content), 8388608) END)`

export type Room<Row> = {
  readonly letters: number
  readonly typeOf: (row: Row) => ResourceType
  /** Take at least one, however long it is. */
  readonly takesFirst: boolean
  /** What is served of the row `body`; undefined if that is only a part of the content, whose length says nothing about it. */
  readonly contentOf: (type: ResourceType) => SqlFragment | undefined
  /** The version of the row `key` that the gate has let through: columns patient_id, pk and content, and `id` if the served content needs it. */
  readonly versionOf: (type: ResourceType) => SqlFragment
}

type Filling<Row extends Unfilled> = {
  /** Those of the passed rows that still exist. */
  readonly filled: readonly Filled<Row>[]
  /** How many of the rows were passed, in their order. Those of them that are not filled are gone, and come on no later page. */
  readonly passed: number
  readonly left: number
}

/** The first of the rows, as many as there is room for. Contents that were not certain to fit are loaded as long as there is room. */
export const fillRoom = async <Row extends Unfilled>(
  connection: Connection,
  rows: readonly Row[],
  room: Room<Row>,
): Promise<Filling<Row>> => {
  const filled: Filled<Row>[] = []
  let [passed, left] = [0, room.letters]
  const fits = (letters: number) => letters <= left || (room.takesFirst && filled.length === 0)
  const take = ({ row, content }: Looked<Row>): void => {
    passed += 1
    if (typeof content !== 'string') return
    filled.push({ ...row, content })
    left -= content.length
  }
  let rest: readonly Looked<Row>[] = rows.map(row => ({ row, content: row.content }))
  while (rest.length > 0 && fits(1)) {
    const known = upTo(rest, isUnfilled)
    for (const one of known) {
      if (!fits(lengthOf(one))) return { filled, passed, left }
      take(one)
    }
    rest = known.length > 0 ? rest.slice(known.length) : await loadMore(connection, rest, { ...room, letters: left })
  }
  return { filled, passed, left }
}

type Looked<Row> = { readonly row: Row; readonly content: string | null | typeof gone }

/** For a row that no longer exists. */
const gone = Symbol('gone')

/** The same rows, with the content of the first, and of others as far as they fit. Empty if no more can be loaded. */
const loadMore = async <Row extends Unfilled>(
  connection: Connection,
  rows: readonly Looked<Row>[],
  { letters, typeOf, contentOf, versionOf }: Room<Row>,
): Promise<readonly Looked<Row>[]> => {
  const [first] = rows
  const type = first && typeOf(first.row)
  const content = type && contentOf(type)
  if (type === undefined || content === undefined) return []
  const alike = rows.filter(one => isUnfilled(one) && typeOf(one.row) === type)
  const found = await load(
    connection,
    alike.map(({ row }) => row),
    { letters, content, version: versionOf(type) },
  )
  const places = new Map(alike.map((one, index) => [one, index + 1]))
  return rows.map(one => {
    const place = places.get(one)
    if (place === undefined) return one
    const loaded = found.get(place)
    return { ...one, content: loaded === undefined ? gone : loaded }
  })
}

const isUnfilled = ({ content }: Looked<unknown>): boolean => content === null

const lengthOf = ({ content }: Looked<unknown>): number => (typeof content === 'string' ? content.length : 0)

const upTo = <One>(all: readonly One[], isEnd: (one: One) => boolean): readonly One[] => {
  const end = all.findIndex(isEnd)
  return end === -1 ? all : all.slice(0, end)
}

/**
 * The version of a row that the gate has let through, if the row still exists: if it was updated since then, the version is in the history, and is
 * answered as it was. What was deleted is no longer answered.
 */
export const versionStillThere = (type: ResourceType): SqlFragment => sql.fragment`(
  SELECT version.*
  FROM ${searchedOf(type)} AS stored
  CROSS JOIN LATERAL (
    SELECT stored.patient_id, stored.pk, stored.id, stored.content WHERE stored.version = key.version
    UNION ALL
    SELECT past.patient_id, past.pk, stored.id, past.content FROM ${historyOf(type)} AS past
    WHERE stored.version <> key.version
      AND past.patient_id = stored.patient_id AND past.pk = stored.pk AND past.version = key.version) AS version
  WHERE stored.patient_id = key.patient_id AND stored.pk = key.pk)`

type Loading = { readonly letters: number; readonly content: SqlFragment; readonly version: SqlFragment }

/** By their place among the rows: the content of the first that exists, and of those that certainly fit together with it; null for the others. */
const load = async (
  connection: Connection,
  rows: readonly Unfilled[],
  { letters, content, version }: Loading,
): Promise<ReadonlyMap<number, string | null>> => {
  const [patients, pks, versions] = [
    rows.map(one => one.patient_id),
    rows.map(one => one.pk),
    rows.map(one => one.version),
  ]
  const room = sql.fragment`greatest(${Math.max(letters, 0)}::bigint, ${mostLetters})`
  const found = await connection.any<{ place: number; content: string | null }>(sql.fragment`
    SELECT key.place::integer AS place, ${contentWithin(room, content, { order: byPlace })} AS content
    FROM unnest(${sql.array(patients, 'int4')}, ${sql.array(pks, 'int8')}, ${sql.array(versions, 'int4')})
      WITH ORDINALITY AS key(patient_id, pk, version, place)
    CROSS JOIN LATERAL ${version} AS body
    ORDER BY key.place`)
  return new Map(found.map(({ place, content }) => [place, content]))
}

const byPlace = sql.fragment`ORDER BY key.place`
