import { offsetsBetween } from '../../fhir/offsets.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** A time zone's clock in a period. */
export type Clock = {
  /** The date and time that it shows at a moment. */
  readonly at: (moment: SqlFragment) => SqlFragment
  /** When it is noon there on a date, which is given as the beginning of that date in UTC. */
  readonly noonOf: (date: SqlFragment) => SqlFragment
}

/** As this process knows it, by which days begin and are named; never as the database does. */
export const clockOf = (timezone: string, { from, to }: { readonly from: string; readonly to: string }): Clock => {
  const offsets = offsetsBetween(from, to, timezone)
  const since = sql.array(
    offsets.map(one => one.since),
    'timestamptz',
  )
  const seconds = sql.array(
    offsets.map(one => one.seconds),
    'float8',
  )
  const ahead = (moment: SqlFragment) =>
    sql.fragment`make_interval(secs => (${seconds})[width_bucket(${moment}, ${since})])`
  return {
    at: moment => sql.fragment`((${moment}) AT TIME ZONE 'UTC' + ${ahead(moment)})`,
    noonOf: date => {
      const noon = sql.fragment`(${date} + interval '12 hours')`
      return sql.fragment`(${noon} - ${ahead(sql.fragment`${noon} - ${ahead(noon)}`)})`
    },
  }
}
