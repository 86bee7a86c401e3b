import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { boundedReadingsOf } from './bounded-reading.ts'
import type { GlucoseProfileAsked, GlucoseProfileRow } from './figures.ts'
import { clockOf } from './local-time.ts'
import { readingsOf } from './reading.ts'

/** The values as a whole, and by the quarter of an hour in the day, which leaves out what has a date alone. */
export const readGlucoseProfile = async (
  connection: Connection,
  gate: Gate,
  { conversions, toldTwice, ...asked }: GlucoseProfileAsked,
): Promise<GlucoseProfileRow> => {
  const local = clockOf(asked.timezone, asked).at(sql.fragment`at`)
  const [row] = await connection.any<GlucoseProfileRow>(sql.fragment`
    WITH reading AS (${readingsOf(gate, { ...asked, conversions })}),
    bounded AS (${boundedReadingsOf(gate, { ...asked, conversions })}),
    told AS (
      SELECT DISTINCT at, is_timed, value, dimension, kind_id FROM reading WHERE ${isSame}
      UNION ALL
      SELECT at, is_timed, value, dimension, kind_id FROM reading WHERE NOT ${isSame}
    ),
    beyond AS (
      SELECT DISTINCT at, is_timed, bound AS value, dimension, comparator FROM bounded WHERE is_timed
      UNION ALL
      SELECT at, is_timed, bound, dimension, comparator FROM bounded WHERE NOT is_timed
    ),
    measured AS MATERIALIZED (
      SELECT at, is_timed, ${local} AS local, value, ${rangeOf(conversions)} AS range, kind_id
      FROM (${onceOf('told', 'kind_id', toldTwice)}) AS told
    ),
    ranged AS (
      SELECT at, is_timed, local, range FROM measured
      UNION ALL
      SELECT at, is_timed, ${local}, ${certainRangeOf(conversions)} FROM (${onceOf('beyond', 'comparator', toldTwice)}) AS beyond
    ),
    of_day AS (
      SELECT (extract(hour FROM local) * 4 + floor(extract(minute FROM local) / 15))::int AS quarter,
        count(value)::int AS count,
        percentile_cont(ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]::float8[]) WITHIN GROUP (ORDER BY value) AS percentiles
      FROM measured WHERE value IS NOT NULL AND is_timed GROUP BY 1
    )
    SELECT count(value)::int AS count, (count(*) - count(value))::int AS "leftOut",
      avg(value) AS mean, min(value) AS lowest, max(value) AS highest, stddev_samp(value) AS deviation,
      (SELECT count(DISTINCT local::date) FROM ranged WHERE range IS NOT NULL)::int AS days,
      (SELECT count(DISTINCT floor(extract(epoch FROM at) / 900)) FROM ranged WHERE range IS NOT NULL AND is_timed AND at < now())::int AS quarters,
      (SELECT ARRAY[${sql.join(
        [0, 1, 2, 3, 4].map(range => sql.fragment`count(*) FILTER (WHERE range = ${range})::int`),
        sql.fragment`, `,
      )}] FROM ranged) AS ranges,
      ARRAY(SELECT DISTINCT kind_id FROM measured) AS kinds,
      (SELECT coalesce(jsonb_agg(to_jsonb(of_day) ORDER BY of_day.quarter), '[]') FROM of_day) AS "ofDay"
    FROM measured`)
  if (row === undefined) throw new Error('an aggregate has one row')
  return row
}

/** The same value at the same moment is one reading, however it came: from the sensor's app, and from the phone that has it from that app. */
const isSame = sql.fragment`(value IS NOT NULL AND is_timed)`

/**
 * A reading that was sent in two units is one as well: leaves out rows in the coarser unit that have one in the finer unit beside them, of the same
 * kind or comparator.
 */
const onceOf = (
  rows: 'told' | 'beyond',
  alike: 'kind_id' | 'comparator',
  { finer, coarser, within }: GlucoseProfileAsked['toldTwice'],
): SqlFragment => sql.fragment`
  SELECT * FROM (
    SELECT *, bool_or(dimension = ${finer}) OVER (PARTITION BY at, is_timed, ${name(alike)} ORDER BY value
      RANGE BETWEEN ${within}::float8 PRECEDING AND ${within}::float8 FOLLOWING) AS has_finer
    FROM ${name(rows)}) AS told
  WHERE (${isSame} AND dimension = ${coarser} AND has_finer) IS NOT TRUE`

/** Null without a value. A value in another unit is compared in that unit. */
const rangeOf = (conversions: Conversions): SqlFragment =>
  byDimension(
    conversions,
    ([veryLow, low, high, veryHigh]) => sql.fragment`CASE
      WHEN value < ${veryLow} THEN 0 WHEN value < ${low} THEN 1
      WHEN value <= ${high} THEN 2 WHEN value <= ${veryHigh} THEN 3
      WHEN value IS NOT NULL THEN 4 END`,
  )

/** For what is below or above a bound: null if it may be in several ranges. */
const certainRangeOf = (conversions: Conversions): SqlFragment =>
  byDimension(
    conversions,
    ([veryLow, , , veryHigh]) => sql.fragment`CASE
      WHEN (comparator = '<' AND value <= ${veryLow}) OR (comparator = '<=' AND value < ${veryLow}) THEN 0
      WHEN (comparator = '>' AND value >= ${veryHigh}) OR (comparator = '>=' AND value > ${veryHigh}) THEN 4 END`,
  )

type Conversions = GlucoseProfileAsked['conversions']
type Four<T> = readonly [T, T, T, T]

const byDimension = (conversions: Conversions, then: (thresholds: Four<SqlFragment>) => SqlFragment): SqlFragment => {
  const cases = conversions.map(({ dimension, thresholds }) => {
    const bounds = thresholds.map(threshold => sql.fragment`${Number(threshold.toFixed(6))}::float8`)
    return sql.fragment`WHEN ${dimension} THEN ${then(bounds as unknown as Four<SqlFragment>)}`
  })
  return sql.fragment`CASE dimension ${sql.join(cases, sql.fragment` `)} END`
}
