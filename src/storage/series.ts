import type { Access } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Connection } from './database.ts'
import type { ReadingsAsked, SeriesRow, Step } from './figures.ts'
import { readingsOf } from './reading.ts'
import { type SqlFragment, sql } from './sql.ts'

/** What was measured over time, a row for each source and each step that holds a reading. */
export const readSeries = (
  connection: Connection,
  gate: { readonly access: Access; readonly classes: CodeClasses },
  { step, ...asked }: ReadingsAsked & { readonly step: Step },
): Promise<readonly SeriesRow[]> =>
  connection.any<SeriesRow>(sql.fragment`
    WITH reading AS (${readingsOf(gate, asked)}),
    figure AS (
      SELECT device_id, ${stepOf(step, asked.from)} AS step, count(value)::int AS count, (count(*) - count(value))::int AS "leftOut",
        min(value) AS minimum, avg(value) AS average, max(value) AS maximum,
        sum(value) FILTER (WHERE NOT is_average) AS sum
      FROM reading GROUP BY 1, 2
    )
    SELECT source.id AS device, extract(epoch FROM step)::float8 AS start, count, "leftOut", minimum, average, maximum, sum
    FROM figure LEFT JOIN device_source AS source ON source.device_id = figure.device_id
    ORDER BY 1 NULLS FIRST, 2`)

const stepOf = (step: Step, from: string): SqlFragment =>
  step.kind === 'day'
    ? sql.fragment`date_trunc('day', at, ${step.timezone})`
    : sql.fragment`date_bin(make_interval(secs => ${step.seconds}), at, ${from}::timestamptz)`
