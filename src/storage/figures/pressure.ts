import type { Gate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { PressureAsked, PressureRow } from './figures.ts'
import { clockOf } from './local-time.ts'
import { readingsOf } from './reading.ts'

/**
 * The means of the readings of a period, and how many of them are high. The two numbers of a panel are one reading, and so are two Observations of
 * one source at one moment, or with one date, one of each number: the first with the first, if there are several. What has a date alone is in
 * neither half of the day.
 */
export const readPressure = (
  connection: Connection,
  gate: Gate,
  { systolic, diastolic, threshold, ...asked }: PressureAsked,
): Promise<readonly PressureRow[]> => {
  const told = (codes: PressureAsked['systolic']) => readingsOf(gate, { ...asked, codes, takesAverages: false })
  const local = clockOf(asked.timezone, asked).at(sql.fragment`at`)
  return connection.any<PressureRow>(sql.fragment`
    WITH told AS (
      SELECT pk, is_whole, device_id, at, is_timed, kind_id, value AS systolic, NULL::float8 AS diastolic FROM (${told(systolic)}) AS systolic
      UNION ALL
      SELECT pk, is_whole, device_id, at, is_timed, kind_id, NULL, value FROM (${told(diastolic)}) AS diastolic
    ),
    numbered AS (
      SELECT CASE WHEN is_whole THEN NULL ELSE pk END AS panel, device_id, at, is_timed, systolic, diastolic,
        CASE WHEN is_whole THEN row_number() OVER (PARTITION BY is_whole, device_id, at, is_timed, diastolic IS NULL ORDER BY pk) END AS place
      FROM told WHERE systolic IS NOT NULL OR diastolic IS NOT NULL
    ),
    reading AS (
      SELECT panel, device_id, at, is_timed, place, ${local} AS local, max(systolic) AS systolic, max(diastolic) AS diastolic
      FROM numbered GROUP BY 1, 2, 3, 4, 5
    ),
    placed AS (
      SELECT 'all' AS part, * FROM reading
      UNION ALL
      SELECT CASE WHEN extract(hour FROM local) < 12 THEN 'before-noon' ELSE 'from-noon' END, * FROM reading WHERE is_timed
    )
    SELECT part, count(*)::int AS count, count(DISTINCT local::date)::int AS days, avg(systolic) AS systolic, avg(diastolic) AS diastolic,
      count(*) FILTER (WHERE systolic >= ${threshold.systolic}::float8 OR diastolic >= ${threshold.diastolic}::float8)::int AS high,
      (SELECT coalesce(array_agg(DISTINCT kind_id) FILTER (WHERE kind_id IS NOT NULL), '{}') FROM told) AS kinds
    FROM placed GROUP BY 1 ORDER BY 1`)
}
