import { type SqlFragment, sql } from '../sql.ts'

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

/** Of those, the rows that a later snapshot sees. */
export const between = (snapshot: string, later: string): SqlFragment =>
  sql.fragment`(${laterThan(snapshot)} AND pg_visible_in_snapshot(xact, ${later}::pg_snapshot))`
