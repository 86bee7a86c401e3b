import { type Access, restrict } from '../access/access.ts'
import { systems } from '../fhir/canonical.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import { type Conversion, unitlessDimension } from '../fhir/conversion.ts'
import { and } from '../search/expression.ts'
import { compile } from './compile.ts'
import { codeTest } from './compile-hot.ts'
import { patientIdOf } from './compiling.ts'
import { matchesHot } from './hot.ts'
import { storedRow } from './row.ts'
import { anyOf, name, type SqlFragment, sql } from './sql.ts'
import type { ReadingsAsked } from './store.ts'

/**
 * A query of what was measured and the caller may search, once each however many of the codes it has: `device_id`, `at`,
 * `dimension`, and `value` in the unit that is asked; it is null where there is no number in that unit, or none that can be meant. Rounded to a
 * millionth, so that a value which was written in another unit stands on a threshold where it is one.
 */
export const readingsOf = (
  { access, classes }: { readonly access: Access; readonly classes: CodeClasses },
  { where, mistaken, patient, codes, from, to, at, unit, conversions }: ReadingsAsked,
): SqlFragment => {
  const question = restrict(access, 's', 'Observation', where)
  const row = storedRow('Observation', 'row')
  const body = sql.fragment`JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk`
  const patientId = patientIdOf(patient)
  const dimension = sql.fragment`CASE WHEN hot.unit_id IS NULL THEN ${unitlessDimension()} ELSE unit.dimension END`
  // Whoever asks for a mistake must be allowed to see it; what they may not see is in no number anyhow.
  const mistakes = compile(restrict(access, 's', 'Observation', and(where, mistaken)), row, classes)
  return sql.fragment`
    SELECT DISTINCT hot.pk, hot.component, hot.device_id, ${moments[at]} AS at, ${dimension} AS dimension,
      CASE WHEN abs(hot.value) > ${largest} THEN NULL WHEN unit.key = ${`${systems.ucum}|${unit}`} THEN hot.value::float8 ELSE ${converted(conversions, dimension)} END AS value
    FROM observation_code AS hot ${matchesHot(question) ? sql.fragment`` : body}
    LEFT JOIN unit ON unit.unit_id = hot.unit_id
    WHERE hot.patient_id = ${patientId}
      AND ${anyOf(codes.map(({ system, code }) => sql.fragment`hot.${codeTest(system, code, classes)}`))}
      AND hot.effective_start < ${to}::timestamptz AND hot.effective_start >= ${from}::timestamptz - ${longest[at]}
      AND ${moments[at]} >= ${from}::timestamptz AND ${moments[at]} < ${to}::timestamptz
      AND ${compile(question, { ...row, facts: name('hot') }, classes)}
      AND hot.pk NOT IN (SELECT row.pk FROM observation AS row WHERE row.patient_id = ${patientId} AND ${mistakes})`
}

/** Nothing is as much, and floating point could not hold some of it. */
const largest = sql.fragment`1e15`

/** The end is the first instant that lies behind. */
const moments: Readonly<Record<ReadingsAsked['at'], SqlFragment>> = {
  start: sql.fragment`hot.effective_start`,
  end: sql.fragment`(hot.effective_end - interval '1 microsecond')`,
}

/** What has lasted longer before it ended in the period is left out. */
const longest: Readonly<Record<ReadingsAsked['at'], SqlFragment>> = {
  start: sql.fragment`interval '0'`,
  end: sql.fragment`interval '7 days'`,
}

const converted = (conversions: readonly Conversion[], dimension: SqlFragment): SqlFragment => {
  const base = sql.fragment`((hot.value::float8 + coalesce(unit.shift, 0)::float8)
    * coalesce(unit.numerator, 1)::float8 / coalesce(unit.denominator, 1)::float8)`
  const cases = conversions.map(
    one => sql.fragment`WHEN ${one.dimension}
      THEN round((${base} * ${one.factor}::float8 - ${one.shift}::float8)::numeric, 6)::float8`,
  )
  return sql.fragment`CASE ${dimension} ${sql.join(cases, sql.fragment` `)} END`
}
