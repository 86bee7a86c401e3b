import { type Access, restrict } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { compile } from './compile.ts'
import { codeTest } from './compile-hot.ts'
import { patientIdOf } from './compiling.ts'
import type { Connection } from './database.ts'
import type { StatisticsAsked, StatisticsRow } from './figures.ts'
import { statisticNumbers } from './observation-facts.ts'
import { storedRow } from './row.ts'
import { type SqlFragment, sql } from './sql.ts'

/** https://hl7.org/fhir/R4/observation-operation-stats.html: over what the caller may search, unit by unit. */
export const readStatistics = async (
  connection: Connection,
  { access, classes }: { readonly access: Access; readonly classes: CodeClasses },
  { where, patient, code: { system, code } }: StatisticsAsked,
): Promise<readonly StatisticsRow[]> => {
  const allowed = compile(restrict(access, 's', 'Observation', where), storedRow('Observation', 'row'), classes)
  return connection.any<StatisticsRow>(sql.fragment`
    WITH measured AS MATERIALIZED (
      SELECT code.value, code.unit_id
      FROM observation_code AS code
      JOIN observation AS row ON row.patient_id = code.patient_id AND row.pk = code.pk
      WHERE code.patient_id = ${patientIdOf(patient)} AND code.statistic = ${statisticNumbers.measured} AND code.${codeTest(system, code, classes)} AND ${allowed}
    ),
    centred AS (
      SELECT measured.*, value - avg(value) OVER (PARTITION BY unit_id) AS distance FROM measured WHERE value IS NOT NULL
    )
    SELECT unit.system, unit.code AS unit, (SELECT count(*) FROM measured AS any_value
        WHERE any_value.value IS NULL OR any_value.unit_id IS NOT DISTINCT FROM centred.unit_id)::text AS total,
      jsonb_build_object(${sql.join(
        figures.map(([name, figure]) => sql.fragment`${name}::text, (${figure})::text`),
        sql.fragment`, `,
      )}) AS figures
    FROM centred LEFT JOIN unit ON unit.unit_id = centred.unit_id
    GROUP BY centred.unit_id, unit.system, unit.code
    ORDER BY count(*) DESC, unit.code`)
}

const percentile = (fraction: number): SqlFragment =>
  sql.fragment`percentile_cont(${fraction}::float8) WITHIN GROUP (ORDER BY value::float8)`

const moment = (power: number): SqlFragment => sql.fragment`avg(power(distance::float8, ${power}::float8))`

/** By their codes in http://terminology.hl7.org/CodeSystem/observation-statistics; deviations are those of a sample. */
const figures: readonly (readonly [string, SqlFragment])[] = [
  ['average', sql.fragment`avg(value)::float8`],
  ['maximum', sql.fragment`max(value)`],
  ['minimum', sql.fragment`min(value)`],
  ['count', sql.fragment`count(value)`],
  ['median', percentile(0.5)],
  ['std-dev', sql.fragment`stddev_samp(value)::float8`],
  ['sum', sql.fragment`sum(value)`],
  ['variance', sql.fragment`var_samp(value)::float8`],
  ['20-percent', percentile(0.2)],
  ['80-percent', percentile(0.8)],
  ['4-lower', percentile(0.25)],
  ['4-upper', percentile(0.75)],
  ['4-dev', sql.fragment`${percentile(0.75)} - ${percentile(0.25)}`],
  ['5-1', percentile(0.2)],
  ['5-2', percentile(0.4)],
  ['5-3', percentile(0.6)],
  ['5-4', percentile(0.8)],
  ['skew', sql.fragment`${moment(3)} / nullif(power(${moment(2)}, 1.5), 0)`],
  ['kurtosis', sql.fragment`${moment(4)} / nullif(power(${moment(2)}, 2), 0) - 3`],
]
