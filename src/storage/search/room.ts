import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
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

type Room<Row> = {
  readonly letters: number
  readonly typeOf: (row: Row) => ResourceType
  /** At least one, however long it is. */
  readonly takesFirst: boolean
  /** What is served of a row that is called `body`; undefined where that is only a part of it, whose length says nothing of what it takes. */
  readonly contentOf: (type: ResourceType) => SqlFragment | undefined
  /** Where the rows are: columns patient_id, pk, version and content. */
  readonly relationOf: (type: ResourceType) => SqlFragment
}

/** The first of the rows, as many as there is room for: what was not certain to fit is loaded as long as there is some. */
export const fillRoom = async <Row extends Unfilled>(
  connection: Connection,
  rows: readonly Row[],
  room: Room<Row>,
): Promise<{ readonly filled: readonly Filled<Row>[]; readonly left: number }> => {
  const filled: Filled<Row>[] = []
  let left = room.letters
  const fits = (letters: number) => letters <= left || (room.takesFirst && filled.length === 0)
  for (let rest = rows; rest.length > 0 && fits(1); ) {
    const there = upTo(rest, isUnfilled) as readonly Filled<Row>[]
    for (const row of there) {
      if (!fits(row.content.length)) return { filled, left }
      filled.push(row)
      left -= row.content.length
    }
    rest = there.length > 0 ? rest.slice(there.length) : await loadMore(connection, rest, { ...room, letters: left })
  }
  return { filled, left }
}

/**
 * The same rows, of which the first has its content, and others as far as they fit. Without those that were changed meanwhile: what was
 * asked about is there no more. None, where no more can be loaded.
 */
const loadMore = async <Row extends Unfilled>(
  connection: Connection,
  rows: readonly Row[],
  { letters, typeOf, contentOf, relationOf }: Room<Row>,
): Promise<readonly Row[]> => {
  const [first] = rows
  const type = first && typeOf(first)
  const content = type && contentOf(type)
  if (type === undefined || content === undefined) return []
  const alike = rows.filter(one => isUnfilled(one) && typeOf(one) === type)
  const found = await load(connection, alike, { letters, content, relation: relationOf(type) })
  const contents = new Map(alike.map((row, index) => [row, found.get(index + 1)]))
  return rows.flatMap(row => {
    const loaded = contents.get(row)
    if (loaded === undefined) return contents.has(row) ? [] : [row]
    return loaded === null ? [row] : [{ ...row, content: loaded }]
  })
}

const isUnfilled = ({ content }: Unfilled): boolean => content === null

const upTo = <One>(all: readonly One[], isEnd: (one: One) => boolean): readonly One[] => {
  const end = all.findIndex(isEnd)
  return end === -1 ? all : all.slice(0, end)
}

type Loading = { readonly letters: number; readonly content: SqlFragment; readonly relation: SqlFragment }

/**
 * By their place among the rows, in the version that was asked about: of the first that is there, and of what certainly fits with it; null
 * of the others.
 */
const load = async (
  connection: Connection,
  rows: readonly Unfilled[],
  { letters, content, relation }: Loading,
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
    JOIN ${relation} AS body
      ON body.patient_id = key.patient_id AND body.pk = key.pk AND body.version = key.version
    ORDER BY key.place`)
  return new Map(found.map(({ place, content }) => [place, content]))
}

const byPlace = sql.fragment`ORDER BY key.place`
