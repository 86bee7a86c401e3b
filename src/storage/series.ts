import type { Access } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Connection } from './database.ts'
import type { SeriesAsked, SeriesRow, Step } from './figures.ts'
import { readingsOf } from './reading.ts'
import { name, type SqlFragment, sql } from './sql.ts'

/**
 * What was measured over time, a row for each source and each step that holds a reading. Its sum adds no two readings of the same time: of those that
 * overlap, as the hours and the total of a day do, it has the ones that come to most.
 */
export const readSeries = (
  connection: Connection,
  gate: { readonly access: Access; readonly classes: CodeClasses },
  { step, wantsSum, ...asked }: SeriesAsked,
): Promise<readonly SeriesRow[]> =>
  connection.any<SeriesRow>(sql.fragment`
    WITH reading AS (${readingsOf(gate, asked)}),
    placed AS (SELECT ${stepOf(step, asked.from)} AS step, * FROM (${onceOf}) AS once),
    part AS (
      SELECT device_id, step, kind_id, count(value) AS count, count(*) - count(value) AS left_out,
        min(value) AS minimum, sum(value) AS total, max(value) AS maximum, NULL::float8 AS sum,
        bool_and(NOT is_timed) FILTER (WHERE value IS NOT NULL) AS is_dated
      FROM placed GROUP BY 1, 2, 3
      ${wantsSum ? sumOfStep(step, asked.from) : sql.fragment``}
    ),
    figure AS (
      SELECT device_id, step, sum(count)::int AS count, sum(left_out)::int AS "leftOut", min(minimum) AS minimum,
        sum(total) / nullif(sum(count), 0)::float8 AS average, max(maximum) AS maximum, max(sum) AS sum,
        coalesce(bool_and(is_dated), FALSE) AS "isDated",
        array_agg(kind_id) FILTER (WHERE kind_id IS NOT NULL) AS kinds
      FROM part GROUP BY 1, 2
    )
    SELECT source.id AS device, extract(epoch FROM step)::float8 AS start, count, "leftOut", minimum, average, maximum, sum, "isDated", kinds
    FROM figure LEFT JOIN device_source AS source ON source.device_id = figure.device_id
    ORDER BY 1 NULLS FIRST, 2`)

/**
 * The same value of one source at the same moment is one reading, by whichever ways it came, as in the glucose profile. Parts of a panel are told as often as
 * they came: of three pressures in one minute two may be as high. So are samples, of which there are too many to compare.
 */
const onceOf = (() => {
  const columns = sql.fragment`device_id, kind_id, at, since, until, is_average, is_timed, value`
  const mayBeSame = sql.fragment`(is_whole AND value IS NOT NULL AND is_timed)`
  return sql.fragment`
    SELECT DISTINCT ${columns} FROM reading WHERE ${mayBeSame}
    UNION ALL
    SELECT ${columns} FROM reading WHERE NOT ${mayBeSame}`
})()

/** Of all kinds together: a night is told as sleep and as an episode of it, energy by itself and as that of an activity. */
const sumOfStep = (step: Step, from: string): SqlFragment => sql.fragment`
  UNION ALL
  SELECT device_id, step, NULL, 0, 0, NULL, NULL, NULL, sum_apart(${inOrder('since')}, ${inOrder('until')}, ${inOrder('value')}), NULL
  FROM ${step.kind === 'width' && step.seconds > daySeconds ? withinDays(from) : sql.fragment`placed`} AS placed GROUP BY 1, 2`

const inOrder = (column: string): SqlFragment =>
  sql.fragment`array_agg(${name(column)} ORDER BY until, since) FILTER (WHERE value IS NOT NULL AND NOT is_average)`

/** A step of many days has many totals of a day, each of which is of its own. */
const withinDays = (from: string): SqlFragment => {
  const day = sql.fragment`date_bin('1 day', at, ${from}::timestamptz)`
  return sql.fragment`(
    SELECT device_id, step, value, is_average, CASE WHEN isfinite(since) THEN since ELSE ${day} END AS since,
      CASE WHEN isfinite(until) THEN until ELSE ${day} + interval '24 hours' END AS until
    FROM placed)`
}

const daySeconds = 86_400

const stepOf = (step: Step, from: string): SqlFragment =>
  step.kind === 'day'
    ? sql.fragment`date_trunc('day', at, ${step.timezone})`
    : sql.fragment`date_bin(make_interval(secs => ${step.seconds}), at, ${from}::timestamptz)`
