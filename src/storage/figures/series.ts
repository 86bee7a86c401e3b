import { startsOfDays } from '../../fhir/offsets.ts'
import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { ReadingsAsked, SeriesAsked, SeriesRow, Step } from './figures.ts'
import { readingsOf } from './reading.ts'

/**
 * What was measured over time: a row for each source and each step with a reading. The sum adds no two readings of the same time: of those that
 * overlap, such as the hours and the total of a day, it uses those with the largest sum.
 */
export const readSeries = (
  connection: Connection,
  gate: Gate,
  { step, wantsSum, ...asked }: SeriesAsked,
): Promise<readonly SeriesRow[]> =>
  connection.any<SeriesRow>(sql.fragment`
    WITH reading AS (${readingsOf(gate, asked)}),
    placed AS (SELECT ${stepOf(step, asked)} AS step, * FROM (${onceOf()}) AS once),
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
 * The same value of one source at the same moment is one reading, however it came, as in the glucose profile, and in whichever unit. Parts of a panel
 * count as often as they came: of three pressures in one minute, two may be equal. So do samples, which are too many to compare.
 */
const onceOf = (): SqlFragment => {
  const moment = sql.fragment`device_id, kind_id, at, since, until, is_average, is_timed`
  const mayBeSame = sql.fragment`(is_whole AND value IS NOT NULL AND is_timed)`
  return sql.fragment`
    SELECT ${moment}, value FROM (
      SELECT *, ${isToldBeside(sql.fragment`lag`)} OR ${isToldBeside(sql.fragment`lead`)} AS is_told_beside FROM (
        SELECT ${moment}, value, min(coalesce(unit_id, 0)) AS unit_id, min(slack) AS slack FROM reading WHERE ${mayBeSame} GROUP BY ${moment}, value) AS once
      WINDOW moment AS (PARTITION BY ${moment} ORDER BY value)) AS told
    WHERE is_told_beside IS NOT TRUE
    UNION ALL
    SELECT ${moment}, value FROM reading WHERE NOT ${mayBeSame}`
}

/** Whether the value next to it at the same moment is in another, finer unit, and the same to the precision given. */
const isToldBeside = (next: SqlFragment): SqlFragment => {
  const its = (column: string) => sql.fragment`${next}(${name(column)}) OVER moment`
  return sql.fragment`(${its('unit_id')} <> unit_id AND (${its('slack')}, ${its('unit_id')}) < (slack, unit_id)
    AND abs(${its('value')} - value) <= slack + ${its('slack')} + 1e-6)`
}

/** For all kinds together: a night may be sent both as sleep and as an episode of sleep, energy both on its own and as part of an activity. */
const sumOfStep = (step: Step, from: string): SqlFragment => sql.fragment`
  UNION ALL
  SELECT device_id, step, NULL, 0, 0, NULL, NULL, NULL, sum_apart(${inOrder('since')}, ${inOrder('until')}, ${inOrder('value')}), NULL
  FROM ${step.kind === 'width' && step.seconds > daySeconds ? withinDays(from) : sql.fragment`placed`} AS placed GROUP BY 1, 2`

const inOrder = (column: string): SqlFragment =>
  sql.fragment`array_agg(${name(column)} ORDER BY until, since) FILTER (WHERE value IS NOT NULL AND NOT is_average)`

/** A step of many days has many totals, each of which belongs to its own day. */
const withinDays = (from: string): SqlFragment => {
  const day = sql.fragment`date_bin('1 day', at, ${from}::timestamptz)`
  return sql.fragment`(
    SELECT device_id, step, value, is_average, CASE WHEN isfinite(since) THEN since ELSE ${day} END AS since,
      CASE WHEN isfinite(until) THEN until ELSE ${day} + interval '24 hours' END AS until
    FROM placed)`
}

const daySeconds = 86_400

const stepOf = (step: Step, { from, to }: Pick<ReadingsAsked, 'from' | 'to'>): SqlFragment => {
  if (step.kind === 'width')
    return sql.fragment`date_bin(make_interval(secs => ${step.seconds}), at, ${from}::timestamptz)`
  const starts = sql.array([...startsOfDays(from, to, step.timezone)], 'timestamptz')
  return sql.fragment`(${starts})[width_bucket(at, ${starts})]`
}
