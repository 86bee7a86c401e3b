import { type SqlFragment, sql } from '../../sql.ts'

/** A snapshot before all transactions, and one after all of an epoch that is over. https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SNAPSHOT */
export const nothing = '1:1:'
export const everything = '9223372036854775807:9223372036854775807:'

/** What a snapshot sees of the transactions before that one. */
export const before = (xact: string, snapshot: string): string => {
  const [xmin = '', , xip = ''] = snapshot.split(':')
  const underWay = xip.split(',').filter(one => one !== '' && BigInt(one) < BigInt(xact))
  return `${BigInt(xmin) < BigInt(xact) ? xmin : xact}:${xact}:${underWay.join(',')}`
}

/** The rows of transactions that a snapshot does not see: by the index, however many the others are. */
export const laterThan = (snapshot: string): SqlFragment => sql.fragment`(
  xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot) OR xact = ANY(ARRAY(SELECT pg_snapshot_xip(${snapshot}::pg_snapshot))))`

/**
 * Whether there are any of the epoch. The first is asked for in their order: a plan that PostgreSQL keeps takes them for a third of all
 * rows, and would look for any one of them through the whole table.
 */
export const isAnyLater = ({ epoch, snapshot }: Link): SqlFragment => sql.fragment`(
  (SELECT id FROM audit_record WHERE epoch = ${epoch} AND xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot) ORDER BY xact LIMIT 1) IS NOT NULL
  OR EXISTS (
    SELECT FROM audit_record WHERE epoch = ${epoch} AND xact = ANY(ARRAY(SELECT pg_snapshot_xip(${snapshot}::pg_snapshot)))))`

type Link = { readonly epoch: number; readonly snapshot: string }

/**
 * The rows of an epoch that a later snapshot sees, and an earlier does not, each as `record`. Those after all that the earlier has seen and those
 * that were under way then are two questions: of one with OR PostgreSQL reads the whole epoch, until it has statistics.
 */
export const recordsBetween = ({ epoch, snapshot }: Link, later: string): SqlFragment => {
  const seen = sql.fragment`SELECT audit_record AS record FROM audit_record
    WHERE epoch = ${epoch} AND pg_visible_in_snapshot(xact, ${later}::pg_snapshot)`
  return sql.fragment`(
    ${seen} AND xact >= pg_snapshot_xmax(${snapshot}::pg_snapshot) AND xact < pg_snapshot_xmax(${later}::pg_snapshot)
    UNION ALL
    ${seen} AND xact = ANY(ARRAY(SELECT pg_snapshot_xip(${snapshot}::pg_snapshot))))`
}
