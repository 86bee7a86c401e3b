import { sql as slonik } from 'slonik'
import type { Action, Grantee, Member } from '../search/expression.ts'
import { fragment, join, type SqlFragment } from './fragment.ts'

export type { SqlFragment }

/** The parts of slonik's tag that are in use. */
export const sql = {
  fragment,
  join,
  array: slonik.array,
  binary: slonik.binary,
  identifier: slonik.identifier,
  literalValue: slonik.literalValue,
}

/** All must hold. slonik's own `sql.and` of nothing is TRUE; an empty list does not type-check here. */
export const allOf = (of: readonly [SqlFragment, ...SqlFragment[]]): SqlFragment => joined(of, sql.fragment` AND `)

/** One must hold. FALSE for an empty list. */
export const anyOf = (of: readonly SqlFragment[]): SqlFragment =>
  of.length === 0 ? sql.fragment`FALSE` : joined(of, sql.fragment` OR `)

const joined = (of: readonly SqlFragment[], glue: SqlFragment): SqlFragment => {
  const [only] = of
  return of.length === 1 && only !== undefined ? only : sql.fragment`(${sql.join(of, glue)})`
}

export const name = (...path: readonly string[]): SqlFragment => sql.fragment`${sql.identifier([...path])}`

/** A value of each row, as an array: to unnest beside others, or to look in with ANY. */
export const columnOf = <Row>(
  rows: readonly Row[],
  of: (row: Row) => string | number | null,
  type: 'int2' | 'int4' | 'int8' | 'text' | 'uuid' | 'timestamptz',
) => sql.array(rows.map(of), type)

/** The places of rows, as a table to join with theirs. */
export const rowPlaces = (rows: readonly { readonly patientId: number; readonly pk: string }[]): SqlFragment =>
  sql.fragment`unnest(${columnOf(rows, ({ patientId }) => patientId, 'int4')}, ${columnOf(rows, ({ pk }) => pk, 'int8')}) AS place(patient_id, pk)`

/** Each row once, however often it was found. */
export const rowsOnce = <Row extends { readonly pk: string }>(rows: readonly Row[]): readonly Row[] => [
  ...new Map(rows.map(row => [row.pk, row])).values(),
]

/** A word of our own, written into the text, which saves sending a value with each statement. Nothing from outside is one. */
export const word = (of: Action | Grantee['kind'] | Member['reach'] | `${number}` | undefined): SqlFragment =>
  of === undefined ? sql.fragment`NULL` : sql.fragment`${sql.literalValue(of)}`

/** In a statement for which no plan is good for values that are rare as well as for common ones: it is planned for its values each time. */
export const plannedAnew = sql.fragment`/* planned anew */`

export const isPlannedAnew = (statement: Pick<SqlFragment, 'sql'>): boolean => statement.sql.includes(plannedAnew.sql)

/** PostgreSQL's texts cannot contain the character U+0000 or half of a surrogate pair: replaces them by the replacement character. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '\ufffd')
