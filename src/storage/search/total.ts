import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

type Counted = { readonly from: SqlFragment; readonly where: SqlFragment }

/** What is counted, through the gate: all rows, or a hundredth of them. */
export type Countable = (sample: SqlFragment) => Counted

/**
 * How many matches the caller may see. https://hl7.org/fhir/R4/search.html#total
 * An estimate is exact as far as can be counted quickly. Beyond that, the matches in a sample are multiplied: the planner's own estimate would
 * come from statistics about rows that the caller may not see.
 */
export const totalOf = async (
  connection: Connection,
  kind: Search['total'],
  countable: Countable,
): Promise<{ readonly total?: number }> => {
  if (kind === 'none') return {}
  const all = countable(sql.fragment``)
  if (kind === 'accurate') return { total: await count(connection, all) }
  const few = sql.fragment`(SELECT FROM ${all.from} WHERE ${all.where} LIMIT ${mostCounted + 1}) AS match`
  const counted = await count(connection, { from: few, where: sql.fragment`TRUE` })
  if (counted <= mostCounted) return { total: counted }
  const sampled = await count(connection, countable(sql.fragment`TABLESAMPLE SYSTEM (1) REPEATABLE (1)`))
  return { total: Math.max(counted, sampled * 100) }
}

export const mostCounted = 10_000

const count = async (connection: Connection, { from, where }: Counted): Promise<number> => {
  const { total } = await connection.one<{ total: string }>(
    sql.fragment`SELECT count(*) AS total FROM ${from} WHERE ${where}`,
  )
  return Number(total)
}
