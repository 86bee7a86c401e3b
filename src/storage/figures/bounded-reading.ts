import type { Gate } from '../compile/gate.ts'
import { unitOfRanges } from '../prepare/observation-facts.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { ReadingsAsked } from './figures.ts'
import { converted, isTimed, largest, momentIn, observationsAsked } from './reading.ts'

/**
 * A query of the readings of which it is only known what they are below or above, such as the “low” of a sensor: `at`, `is_timed`, `dimension`,
 * `comparator`, and `bound` in the unit that is asked for. `readingsOf` has all of them as well, without a value.
 */
export const boundedReadingsOf = (gate: Gate, asked: ReadingsAsked): SqlFragment => {
  const { from, to, conversions } = asked
  const at = momentIn(asked)
  return sql.fragment`
    WITH asked AS NOT MATERIALIZED (${observationsAsked(gate, asked)})
    SELECT ${at} AS at, ${isTimed} AS is_timed, unit.dimension, said ->> 'comparator' AS comparator,
      ${converted(sql.fragment`(said ->> 'value')::numeric`, sql.fragment`unit.dimension`, conversions)} AS bound
    FROM asked AS hot
    JOIN observation AS body ON body.patient_id = hot.patient_id AND body.pk = hot.pk
    CROSS JOIN LATERAL (SELECT (CASE hot.component WHEN 0 THEN body.content
      ELSE body.content -> 'component' -> (hot.component - 1) END) -> 'valueQuantity' AS said) AS element
    JOIN unit ON unit.key = coalesce(said ->> 'system', '') || '|' || (said ->> 'code')
    WHERE hot.unit_id = ${unitOfRanges} AND said ? 'comparator' AND abs((said ->> 'value')::numeric) <= ${largest}
      AND ${at} >= ${from}::timestamptz AND ${at} < ${to}::timestamptz`
}
