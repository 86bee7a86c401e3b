import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { historyOf, searchedOf } from '../row.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'

/** A row of an answer; its content is null where it was not loaded yet, as it might not fit. */
export type Unfilled = {
  readonly patient_id: number
  readonly pk: string
  readonly version: number
  readonly content: string | null
}

export type Filled<Row extends Unfilled> = Row & { readonly content: string }

/** `content`, where it is certain before it is loaded that it takes no more than its share. */
export const contentInShare = (share: SqlFragment, content: SqlFragment): SqlFragment =>
  sql.fragment`CASE WHEN ${mostLetters} <= ${share} THEN ${content} END`

/** The same, where there is room for it and all before it in the order; `orElse`: or in this case. */
export const contentWithin = (room: SqlFragment, content: SqlFragment, { order, orElse }: Within): SqlFragment => {
  const isSoFar = sql.fragment`sum(${mostLetters}) OVER (${order} ROWS UNBOUNDED PRECEDING) <= ${room}`
  return sql.fragment`CASE WHEN ${orElse === undefined ? isSoFar : anyOf([orElse, isSoFar])} THEN ${content} END`
}

type Within = { readonly order: SqlFragment; readonly orElse?: SqlFragment }

/** How long the text of the row that is called `body` is at most: what lies compressed is so many times longer, and how long it is nobody knows who does not load it. */
export const mostLetters = sql.fragment`(CASE
  WHEN pg_column_compression(body.content) IS NULL THEN pg_column_size(body.content)
  WHEN pg_column_compression(body.content) = 'pglz' THEN 91 * least(pg_column_size(body.content), 8388608)
  ELSE 255 * least(pg_column_size(body.content), 8388608) END)`

export type Room<Row> = {
  readonly letters: number
  readonly typeOf: (row: Row) => ResourceType
  /** At least one, however long it is. */
  readonly takesFirst: boolean
  /** What is served of a row that is called `body`; undefined where that is only a part of it, whose length says nothing of what it takes. */
  readonly contentOf: (type: ResourceType) => SqlFragment | undefined
  /** The version of the row `key` that was asked about: columns patient_id, pk and content, and `id` where the served content asks for it. */
  readonly versionOf: (type: ResourceType) => SqlFragment
}

type Filling<Row extends Unfilled> = {
  /** Of the rows that were passed, those that are there. */
  readonly filled: readonly Filled<Row>[]
  /** How many of the rows, in their order: what is not filled of them is gone, and comes on no later page. */
  readonly passed: number
  readonly left: number
}

/** The first of the rows, as many as there is room for: what was not certain to fit is loaded as long as there is some. */
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

/** What is there no more. */
const gone = Symbol('gone')

/** The same rows, of which it is known of the first what it is, and of others as far as they fit. None, where no more can be loaded. */
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
 * The version of a row that was asked about, where the row is there still: what was updated since then is in the history. It was found as it
 * was, and was allowed to be; what was deleted is answered no more.
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

/** By their place among the rows: of the first that is there, and of what certainly fits with it; null of the others. */
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
