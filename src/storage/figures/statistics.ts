import { codeTest } from '../compile/code-test.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { compartmentOf } from '../model/reference.ts'
import { statisticNumbers } from '../prepare/observation-facts.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import type { StatisticsAsked, StatisticsRow } from './figures.ts'
import { isDated, largest } from './reading.ts'

/**
 * https://hl7.org/fhir/R4/observation-operation-stats.html: over what the caller may search, for each unit. A panel has no value of its own, so each
 * of its measurements is counted separately.
 */
export const readStatistics = async (
  connection: Connection,
  gate: Gate,
  asked: StatisticsAsked,
): Promise<readonly StatisticsRow[]> => {
  for (const figures of [figuresOf(ownValues(gate, asked)), figuresOf(panelValues(gate, asked))]) {
    const rows = await connection.any<StatisticsRow>(figures)
    if (rows.length > 0) return rows
  }
  return connection.any<StatisticsRow>(withoutValues(ownValues(gate, asked)))
}

/** Of Observations of which none has a value. */
const withoutValues = (values: SqlFragment): SqlFragment => sql.fragment`
  SELECT NULL::jsonb AS part, NULL AS system, NULL AS unit, count(*)::text AS total, array_agg(DISTINCT kind_id) AS kinds,
    jsonb_build_object('count', '0') AS figures
  FROM (${values}) AS measured HAVING count(*) > 0`

/**
 * Each once, even if several of its codes are the one that is asked for. As in a series, the same value of one source at the same moment is one,
 * however it came.
 */
const ownValues = (gate: Gate, asked: StatisticsAsked): SqlFragment => sql.fragment`
  SELECT DISTINCT ON (device_id, effective_start, effective_end, unit_id, value, component, CASE WHEN NOT may_be_same OR value IS NULL THEN pk END)
    NULL::jsonb AS part, value, unit_id, kind_id
  FROM (
    SELECT DISTINCT ON (code.pk, code.component) code.pk, code.component, code.device_id, code.effective_start, code.effective_end, code.unit_id,
      code.kind_id, ${meant('code')} AS value, code.component = 0 AND NOT ${isDated('code')} AS may_be_same
    ${coded(gate, asked)}) AS told`

/** A component with several codes counts once, by its LOINC code or else its first one. */
const panelValues = (gate: Gate, asked: StatisticsAsked): SqlFragment => sql.fragment`
  SELECT DISTINCT ON (part.pk, part.component) jsonb_build_object('system', coding -> 'system', 'code', coding -> 'code') AS part,
    ${meant('part')} AS value, part.unit_id, part.kind_id
  FROM (SELECT row.pk, row.content ${coded(gate, asked)} AND code.component = 0) AS panel
  JOIN observation_code AS part ON part.pk = panel.pk AND part.component > 0
  CROSS JOIN LATERAL (SELECT panel.content -> 'component' -> (part.component - 1) -> 'code' -> 'coding' AS codings) AS named
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_path_query_first(codings, '$[*] ? (@.system == "http://loinc.org")'), codings -> 0) AS coding) AS one
  WHERE coding ? 'code'`

/** As in a series: null if the value is not known. */
const meant = (alias: string): SqlFragment =>
  sql.fragment`CASE WHEN abs(${name(alias)}.value) <= ${largest} THEN ${name(alias)}.value END`

const coded = (gate: Gate, { where, patient, code: { system, code } }: StatisticsAsked): SqlFragment => sql.fragment`
    FROM observation_code AS code
    JOIN observation AS row ON row.patient_id = code.patient_id AND row.pk = code.pk
    WHERE code.patient_id = ${compartmentOf(patient)} AND code.statistic = ${statisticNumbers.measured}
      AND code.${codeTest(system, code, gate.classes)}
      AND ${passesGate(gate, 's', 'Observation', 'row', where)}`

const figuresOf = (values: SqlFragment): SqlFragment => sql.fragment`
  WITH measured AS MATERIALIZED (${values}),
  centred AS (
    SELECT measured.*, value - avg(value) OVER (PARTITION BY part, unit_id) AS distance FROM measured WHERE value IS NOT NULL
  )
  SELECT centred.part, unit.system, unit.code AS unit, (SELECT count(*) FROM measured AS any_value
      WHERE any_value.part IS NOT DISTINCT FROM centred.part
        AND (any_value.value IS NULL OR any_value.unit_id IS NOT DISTINCT FROM centred.unit_id))::text AS total,
    ARRAY(SELECT DISTINCT kind_id FROM measured) AS kinds,
    jsonb_build_object(${sql.join(
      figures.map(([code, figure]) => sql.fragment`${code}::text, (${figure})::text`),
      sql.fragment`, `,
    )}) AS figures
  FROM centred LEFT JOIN unit ON unit.unit_id = centred.unit_id
  GROUP BY centred.part, centred.unit_id, unit.system, unit.code
  ORDER BY centred.part ->> 'code', count(*) DESC, unit.code`

const percentile = (fraction: number): SqlFragment =>
  sql.fragment`percentile_cont(${fraction}::float8) WITHIN GROUP (ORDER BY fhir_float(value))`

const moment = (power: number): SqlFragment => sql.fragment`avg(power(fhir_float(distance), ${power}::float8))`

/** By their codes in http://terminology.hl7.org/CodeSystem/observation-statistics. Deviations are those of a sample. */
const figures: readonly (readonly [string, SqlFragment])[] = [
  ['average', sql.fragment`fhir_float(avg(value))`],
  ['maximum', sql.fragment`max(value)`],
  ['minimum', sql.fragment`min(value)`],
  ['count', sql.fragment`count(value)`],
  ['median', percentile(0.5)],
  ['std-dev', sql.fragment`fhir_float(stddev_samp(value))`],
  ['sum', sql.fragment`sum(value)`],
  ['variance', sql.fragment`fhir_float(var_samp(value))`],
  ['20-percent', percentile(0.2)],
  ['80-percent', percentile(0.8)],
  ['4-lower', percentile(0.25)],
  ['4-upper', percentile(0.75)],
  // "One half the difference": https://hl7.org/fhir/R4/codesystem-observation-statistics.html
  ['4-dev', sql.fragment`(${percentile(0.75)} - ${percentile(0.25)}) / 2`],
  ['5-1', percentile(0.2)],
  ['5-2', percentile(0.4)],
  ['5-3', percentile(0.6)],
  ['5-4', percentile(0.8)],
  ['skew', sql.fragment`${moment(3)} / nullif(power(${moment(2)}, 1.5), 0)`],
  ['kurtosis', sql.fragment`${moment(4)} / nullif(power(${moment(2)}, 2), 0) - 3`],
]
