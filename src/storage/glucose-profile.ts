import type { Access } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Connection } from './database.ts'
import type { GlucoseProfileAsked, GlucoseProfileRow } from './figures.ts'
import { readingsOf } from './reading.ts'
import { type SqlFragment, sql } from './sql.ts'

/** What the values were over all, and by the quarter of an hour of the day. */
export const readGlucoseProfile = async (
  connection: Connection,
  gate: { readonly access: Access; readonly classes: CodeClasses },
  { timezone, conversions, ...asked }: GlucoseProfileAsked,
): Promise<GlucoseProfileRow> => {
  const local = sql.fragment`(at AT TIME ZONE ${timezone})`
  const [row] = await connection.any<GlucoseProfileRow>(sql.fragment`
    WITH reading AS (${readingsOf(gate, { ...asked, conversions })}),
    measured AS MATERIALIZED (
      SELECT at, ${local} AS local, value, ${rangeOf(conversions)} AS range, kind_id FROM reading
    ),
    of_day AS (
      SELECT (extract(hour FROM local) * 4 + floor(extract(minute FROM local) / 15))::int AS quarter,
        count(value)::int AS count,
        percentile_cont(ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]::float8[]) WITHIN GROUP (ORDER BY value) AS percentiles
      FROM measured WHERE value IS NOT NULL GROUP BY 1
    )
    SELECT count(value)::int AS count, (count(*) - count(value))::int AS "leftOut",
      avg(value) AS mean, min(value) AS lowest, max(value) AS highest, stddev_samp(value) AS deviation,
      count(DISTINCT local::date) FILTER (WHERE value IS NOT NULL)::int AS days,
      count(DISTINCT floor(extract(epoch FROM at) / 900)) FILTER (WHERE value IS NOT NULL AND at < now())::int AS quarters,
      ARRAY[${sql.join(
        [0, 1, 2, 3, 4].map(range => sql.fragment`count(*) FILTER (WHERE range = ${range})::int`),
        sql.fragment`, `,
      )}] AS ranges,
      ARRAY(SELECT DISTINCT kind_id FROM measured) AS kinds,
      (SELECT coalesce(jsonb_agg(to_jsonb(of_day) ORDER BY of_day.quarter), '[]') FROM of_day) AS "ofDay"
    FROM measured`)
  if (row === undefined) throw new Error('an aggregate has one row')
  return row
}

/** Null without a value. What stands in another unit is compared in that one. */
const rangeOf = (conversions: GlucoseProfileAsked['conversions']): SqlFragment => {
  const cases = conversions.map(({ dimension, thresholds: [veryLow, low, high, veryHigh] }) => {
    const bound = (threshold = Number.NaN) => sql.fragment`${Number(threshold.toFixed(6))}::float8`
    return sql.fragment`WHEN ${dimension} THEN CASE
      WHEN value < ${bound(veryLow)} THEN 0 WHEN value < ${bound(low)} THEN 1
      WHEN value <= ${bound(high)} THEN 2 WHEN value <= ${bound(veryHigh)} THEN 3
      WHEN value IS NOT NULL THEN 4 END`
  })
  return sql.fragment`CASE dimension ${sql.join(cases, sql.fragment` `)} END`
}
