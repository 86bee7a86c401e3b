import { addDays, beginningOfDay, daysBetween } from '../../fhir/timezone.ts'
import { and, type Expression } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { clockOf } from './local-time.ts'
import { beginningIn, furthestBehind, longestSeries } from './reading.ts'

export type CompletenessAsked = {
  readonly where: Expression
  /** Those that do not count: entered in error, cancelled, or said to have no value. */
  readonly mistaken: Expression
  /** Ids of Patients. */
  readonly patients: readonly string[]
  /** Days in the time zone; both are included. */
  readonly first: string
  readonly last: string
  readonly timezone: string
  /** The most readings that are counted for a day. */
  readonly most: number
}

/** A day of a Patient on which at least one reading began. */
export type CompletenessRow = { readonly patient: string; readonly day: string; readonly count: number }

/**
 * How many readings that the caller may search began on each day. Each sample of sampled data counts, as it does for whatever draws readings; their
 * number in each quarter of an hour is stored beside the Observation. The others are counted by one look into the index for each patient and day,
 * which ends at the most that is counted. A reading with a date alone belongs to that date. Statistics do not count, except averages, which show that
 * there were measurements.
 */
export const readCompleteness = (
  connection: Connection,
  gate: Gate,
  { where, mistaken, patients, first, last, timezone, most }: CompletenessAsked,
): Promise<readonly CompletenessRow[]> => {
  const mayBeSearched = passesGate(gate, 's', 'Observation', 'row', where)
  const isMistaken = passesGate(gate, 's', 'Observation', 'row', and(where, mistaken))
  const days = Array.from({ length: daysBetween(first, last) + 1 }, (_, index) => addDays(first, index))
  const starts = [...days, addDays(last, 1)].map(day => beginningOfDay(day, timezone))
  const begin = sql.fragment`${starts[0] ?? ''}::timestamptz`
  const beginning = beginningIn(clockOf(timezone, { from: starts[0] ?? '', to: starts.at(-1) ?? '' }))
  const end = sql.fragment`${starts.at(-1) ?? ''}::timestamptz`
  return connection.any<CompletenessRow>(sql.fragment`
    WITH person AS (
      SELECT id, patient_id FROM patient_compartment WHERE id = ANY(${sql.array([...patients], 'text')})
    ),
    computed AS MATERIALIZED (
      SELECT DISTINCT code.pk FROM person JOIN observation_code AS code ON code.patient_id = person.patient_id
      WHERE ${isNoReading}
    ),
    mistaken AS MATERIALIZED (
      SELECT row.pk FROM person JOIN observation AS row ON row.patient_id = person.patient_id
        AND row.effective_start >= ${begin} - ${longestSeries} AND row.effective_start < ${end}
      WHERE ${isMistaken}
    ),
    dense AS MATERIALIZED (
      SELECT person.id, sampled.pk, sampled.quarters, sampled.counts
      FROM person JOIN sampled ON sampled.patient_id = person.patient_id
        AND sampled.effective_start >= ${begin} - ${longestSeries}
        AND sampled.effective_start < ${end}
      JOIN observation AS row ON row.patient_id = sampled.patient_id AND row.pk = sampled.pk
      WHERE sampled.pk NOT IN (SELECT pk FROM computed UNION ALL SELECT pk FROM mistaken) AND ${mayBeSearched}
    ),
    samples AS MATERIALIZED (
      SELECT dense.id, width_bucket(to_timestamp(one.quarter * 900.0), ${sql.array(starts, 'timestamptz')}) AS place, sum(one.count) AS count
      FROM dense, unnest(dense.quarters, dense.counts) AS one(quarter, count)
      GROUP BY 1, 2
    )
    SELECT person.id AS patient, asked.day, counted.count::integer AS count
    FROM person
    CROSS JOIN unnest(${sql.array(days, 'text')}, ${sql.array(starts.slice(0, -1), 'timestamptz')}, ${sql.array(starts.slice(1), 'timestamptz')}) WITH ORDINALITY AS asked(day, since, until, place)
    LEFT JOIN samples ON samples.id = person.id AND samples.place = asked.place
    CROSS JOIN LATERAL (
      SELECT least(${most}::integer, coalesce(samples.count, 0) + count(*)) AS count FROM (
        SELECT FROM observation AS row
        WHERE row.patient_id = person.patient_id AND row.effective_start >= asked.since - ${furthestBehind}
          AND row.effective_start < asked.until AND ${beginning} >= asked.since AND ${beginning} < asked.until
          AND row.pk NOT IN (SELECT pk FROM dense) AND row.pk NOT IN (SELECT pk FROM computed) AND row.pk NOT IN (SELECT pk FROM mistaken) AND ${mayBeSearched}
        LIMIT ${most}) AS reading) AS counted
    WHERE counted.count > 0
    ORDER BY person.id, asked.day`)
}

/** Spelled as in its index, which would not be used with a bound number. */
const isNoReading = sql.fragment`code.statistic > 1`
