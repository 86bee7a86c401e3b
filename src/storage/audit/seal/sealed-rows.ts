import { type SqlFragment, sql } from '../../sql.ts'

/**
 * A snapshot before all transactions, and one after all of an epoch that has ended.
 * https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
 */
export const nothing = '1:1:'
export const everything = '9223372036854775807:9223372036854775807:'

/** A snapshot that sees the same, but only of transactions before this one. */
export const before = (xact: string, snapshot: string): string => {
  const [xmin = '', , xip = ''] = snapshot.split(':')
  const underWay = xip.split(',').filter(one => one !== '' && BigInt(one) < BigInt(xact))
  return `${BigInt(xmin) < BigInt(xact) ? xmin : xact}:${xact}:${underWay.join(',')}`
}

/** The rows of transactions that a snapshot does not see; found through the index, however many others there are. */
export const laterThan = (snapshot: string): SqlFragment => sql.fragment`(
  xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot) OR xact = ANY(ARRAY(SELECT pg_snapshot_xip(${snapshot}::pg_snapshot))))`

/**
 * Whether the epoch has any. The first in their order is looked for: a kept plan assumes that they are a third of all rows, and would look for any of
 * them through the whole table.
 */
export const isAnyLater = ({ epoch, snapshot }: Link): SqlFragment => sql.fragment`(
  (SELECT id FROM audit_record WHERE epoch = ${epoch} AND xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot) ORDER BY xact LIMIT 1) IS NOT NULL
  OR EXISTS (${recordsUnderWay({ epoch, snapshot }, sql.fragment`id`)}))`

type Link = { readonly epoch: number; readonly snapshot: string }

/**
 * The rows of an epoch that a later snapshot sees and an earlier one does not, each as `record`. Those after everything that the earlier one has
 * seen, and those that were under way then, are two queries: for one query with OR, PostgreSQL reads the whole epoch until it has statistics.
 */
export const recordsBetween = ({ epoch, snapshot }: Link, later: string): SqlFragment => {
  const isSeen = sql.fragment`pg_visible_in_snapshot(xact, ${later}::pg_snapshot)`
  const record = sql.fragment`audit_record AS record`
  return sql.fragment`(
    SELECT ${record} FROM audit_record
    WHERE epoch = ${epoch} AND ${isSeen} AND xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot)
      AND xact < pg_snapshot_xmax(${later}::pg_snapshot)
    UNION ALL
    ${recordsUnderWay({ epoch, snapshot }, record, isSeen)})`
}

/**
 * The rows of transactions that were under way then; each transaction is looked up by itself. If they were one list, with `xact = ANY`, PostgreSQL 16
 * would read the whole epoch until it has statistics: only from 17 on, such a list is looked up in an index whose first column is another.
 */
export const recordsUnderWay = (
  { epoch, snapshot }: Link,
  columns: SqlFragment,
  condition: SqlFragment = sql.fragment`TRUE`,
): SqlFragment => sql.fragment`
    SELECT found.* FROM pg_snapshot_xip(${snapshot}::pg_snapshot) AS under_way
    CROSS JOIN LATERAL (
      SELECT ${columns} FROM audit_record WHERE epoch = ${epoch} AND xact = under_way AND ${condition} OFFSET 0) AS found`
