import { restrict } from '../../access/access.ts'
import { systems } from '../../fhir/canonical.ts'
import { type Conversion, conversionTo, unitlessDimension } from '../../fhir/measured/conversion.ts'
import { dayTotals } from '../../fhir/measured/day-total.ts'
import { and } from '../../search/expression.ts'
import { codeTest } from '../compile/code-test.ts'
import { compile } from '../compile/compile.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import { needsNoBody } from '../compile/hot.ts'
import { compartmentOf } from '../model/reference.ts'
import { statisticNumbers, unitOfRanges } from '../prepare/observation-facts.ts'
import { storedRow } from '../row.ts'
import { anyOf, name, type SqlFragment, sql } from '../sql.ts'
import type { ReadingsAsked } from './figures.ts'
import { type Clock, clockOf } from './local-time.ts'
import { sampledIn, samplesOf, type Told } from './sampled-reading.ts'

/**
 * A query of the readings that the caller may search, each once, whichever of the codes it has: `pk`, `kind_id`, `device_id`, `at`, `is_average`,
 * `dimension`, and `value` in the unit that is asked for, which is null if there is no number in that unit, or an impossible one. It is rounded to a
 * millionth, so that a value at a threshold stays at it even if it was written in another unit. Each sample of sampled data is a reading. It was
 * measured from `since` until `until`; a total of a day, or a reading with a date alone, on that whole day, whichever it is. A reading with a date
 * alone has no time of day (`is_timed`). `is_whole`: neither part of a panel nor a sample. `slack`: by how much the same reading may differ if it is
 * sent in another unit.
 */
export const readingsOf = (gate: Gate, asked: ReadingsAsked): SqlFragment => {
  const { possible } = asked
  if (possible === undefined) return anyReadingsOf(gate, asked)
  const { least, most } = possible
  return sql.fragment`
    SELECT pk, kind_id, device_id, is_whole, at, since, until, is_average, is_timed, dimension, unit_id, slack,
      CASE WHEN value BETWEEN ${least}::float8 AND ${most}::float8 THEN value END AS value
    FROM (${anyReadingsOf(gate, asked)}) AS told`
}

const anyReadingsOf = (gate: Gate, asked: ReadingsAsked): SqlFragment => {
  const { from, to, unit, conversions } = asked
  const moment = momentIn(asked)
  const isWithin = (at: SqlFragment) => sql.fragment`${at} >= ${from}::timestamptz AND ${at} < ${to}::timestamptz`
  return sql.fragment`
    WITH asked AS MATERIALIZED (${observationsAsked(gate, asked)}),
    sampled AS MATERIALIZED (${sampledIn(toldIn(asked))})
    SELECT hot.pk, hot.kind_id, hot.device_id, hot.component = 0 AS is_whole, ${moment} AS at, ${since} AS since, ${until} AS until, ${isAverage} AS is_average, ${isTimed} AS is_timed, ${dimension} AS dimension,
      hot.unit_id, ${slackOf(asked)} AS slack,
      CASE WHEN abs(hot.value) > ${largest} THEN NULL
        WHEN unit.key = ${keyOf(unit)} THEN fhir_float(hot.value)
        ELSE coalesce(${converted(sql.fragment`hot.value`, dimension, conversions)}, ${totalOfDay(unit)}) END AS value
    FROM asked AS hot LEFT JOIN unit ON unit.unit_id = hot.unit_id
    WHERE ${isWithin(moment)} AND (hot.pk, hot.component) NOT IN (SELECT pk, component FROM sampled)
    UNION ALL
    SELECT hot.pk, hot.kind_id, hot.device_id, FALSE, sample.at, sample.at, sample.at, ${isAverage}, TRUE, hot.dimension, NULL, NULL,
      CASE WHEN abs(sample.value) > ${largest}::float8 THEN NULL WHEN hot.is_exact THEN sample.value
        ELSE round(sample.value::numeric, 6)::float8 END AS value
    FROM sampled AS hot CROSS JOIN LATERAL ${samplesOf} AS sample
    WHERE ${isWithin(sql.fragment`sample.at`)}`
}

const isAverage = sql.fragment`hot.statistic = ${statisticNumbers.average}`

const keyOf = (unit: string): string => `${systems.ucum}|${unit}`

/** The Observations that may have a moment in the period, each once. */
export const observationsAsked = (
  { access, classes }: Gate,
  { where, mistaken, patient, codes, from, to, takesAverages }: ReadingsAsked,
): SqlFragment => {
  const question = restrict(access, 's', 'Observation', where)
  const row = storedRow('Observation', 'row')
  const body = sql.fragment`JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk`
  const patientId = compartmentOf(patient)
  // Only mistakes that the caller may see are looked for. What they may not see is in no figure anyway.
  const mistakes = passesGate({ access, classes }, 's', 'Observation', row, and(where, mistaken))
  const totals = dayTotals.map(({ system, code }) => sql.fragment`whole.${codeTest(system, code, classes)}`)
  const mayBegin = (row: 'hot' | 'row') => sql.fragment`
    ${name(row, 'effective_start')} < ${to}::timestamptz AND ${name(row, 'effective_start')} >= ${from}::timestamptz - ${longestSeries}`
  return sql.fragment`
    SELECT DISTINCT hot.patient_id, hot.pk, hot.component, hot.kind_id, hot.device_id, hot.effective_start, hot.effective_end, hot.unit_id,
      hot.value, hot.statistic, (hot.pk, hot.component) IN (
        SELECT whole.pk, whole.component FROM observation_code AS whole WHERE whole.patient_id = ${patientId} AND ${anyOf(totals)}) AS is_of_day,
      ${isDated('hot')} AS is_dated
    FROM observation_code AS hot ${needsNoBody(question) ? sql.fragment`` : body}
    WHERE hot.patient_id = ${patientId}
      AND ${anyOf(codes.map(({ system, code }) => sql.fragment`hot.${codeTest(system, code, classes)}`))}
      AND hot.statistic <= ${statisticNumbers[takesAverages ? 'average' : 'measured']}
      AND ${mayBegin('hot')}
      AND (hot.unit_id = ${unitOfRanges} OR hot.effective_end > ${from}::timestamptz)
      AND ${compile(question, { ...row, facts: name('hot') }, classes)}
      AND hot.pk NOT IN (SELECT row.pk FROM observation AS row WHERE row.patient_id = ${patientId} AND ${mayBegin('row')} AND ${mistakes})`
}

/** What began longer than this before its end, or before one of its samples, is left out. */
export const longestSeries = sql.fragment`interval '7 days'`

/** No measurement is as large. */
export const largest = sql.fragment`1e15`

/** `effective_end` is the first instant after the end. */
const end = sql.fragment`(hot.effective_end - interval '1 microsecond')`

const day = sql.fragment`interval '24 hours'`

/**
 * What has a date without a time lasts for that day in UTC, which begins a day earlier or later in other time zones; the same for a time of several
 * dates.
 */
export const isDated = (row: 'hot' | 'row' | 'code'): SqlFragment => {
  const [start, end] = [name(row, 'effective_start'), name(row, 'effective_end')]
  const begins = (moment: SqlFragment) => sql.fragment`date_trunc('day', ${moment}, 'UTC') = ${moment}`
  return sql.fragment`(${end} >= ${start} + ${day} AND isfinite(${end}) AND ${begins(start)} AND ${begins(end)})`
}
export const isTimed = sql.fragment`NOT hot.is_dated`

const halfDay = sql.fragment`interval '12 hours'`

/** No time zone is further behind UTC. */
export const furthestBehind = halfDay

/** When the Observation `row` began; with a date alone, a moment of that day. */
export const beginningIn = (clock: Clock): SqlFragment => sql.fragment`
  (CASE WHEN ${isDated('row')} THEN ${clock.noonOf(sql.fragment`row.effective_start`)} ELSE row.effective_start END)`

/** To which moment a reading belongs. A total of a day may say a moment of that day, or when it began and ended. */
export const momentIn = ({ at, timezone, ...period }: ReadingsAsked): SqlFragment => {
  const [bound, date] =
    at === 'start'
      ? [sql.fragment`hot.effective_start`, sql.fragment`hot.effective_start`]
      : [end, sql.fragment`CASE WHEN hot.is_of_day THEN hot.effective_start ELSE hot.effective_end - ${day} END`]
  return sql.fragment`(CASE WHEN hot.is_dated THEN ${clockOf(timezone, period).noonOf(sql.fragment`(${date})`)}
    WHEN hot.is_of_day THEN least(hot.effective_start + ${halfDay}, ${end}) ELSE ${bound} END)`
}

/**
 * "If the end of the period is 2012-02-03T10:00:00, it includes that second": what follows begins within it.
 * https://hl7.org/fhir/R4/datatypes.html#Period
 */
const lastSecond = sql.fragment`(hot.effective_end - interval '1 second')`

/** Two different moments do not overlap, and a moment is within the period that begins with it: so a period is said to begin a little earlier. */
const edge = (ofDay: '-infinity' | 'infinity', ofPeriod: SqlFragment): SqlFragment => sql.fragment`
  (CASE WHEN hot.is_of_day OR (hot.is_dated AND hot.effective_end = hot.effective_start + ${day}) THEN ${ofDay}::timestamptz
    WHEN ${lastSecond} > hot.effective_start THEN ${ofPeriod} - interval '1 microsecond' ELSE hot.effective_start END)`
const since = edge('-infinity', sql.fragment`hot.effective_start`)
const until = edge('infinity', lastSecond)

const dimension = sql.fragment`CASE WHEN hot.unit_id IS NULL THEN ${unitlessDimension()} ELSE unit.dimension END`

/**
 * From the unit of the row `unit`, by its base units, to another unit. In `numeric`, since units may be so large or small that floating point cannot
 * hold the intermediate values.
 */
const scaled = (value: SqlFragment, factor: number): SqlFragment =>
  sql.fragment`(${value} * coalesce(unit.numerator, 1) * ${factor}::numeric / coalesce(unit.denominator, 1))`
const zero = sql.fragment`coalesce(unit.shift, 0)`

export const converted = (
  value: SqlFragment,
  dimension: SqlFragment,
  conversions: readonly Conversion[],
): SqlFragment =>
  byDimension(
    dimension,
    conversions,
    ({ factor, shift }) =>
      sql.fragment`fhir_float(round(${scaled(sql.fragment`(${value} + ${zero})`, factor)} - ${shift}::numeric, 6))`,
  )

/** A total of a day may be given for each day, as in the example units of LOINC: `{steps}/(24.h)`. */
const totalOfDay = (unit: string): SqlFragment => {
  const conversion = conversionTo(`${unit}/d`)
  return conversion === undefined
    ? sql.fragment`NULL`
    : sql.fragment`CASE WHEN hot.is_of_day THEN ${converted(sql.fragment`hot.value`, dimension, [conversion])} END`
}

/** Half of the last digit that is given, unless more is known about the unit. */
const slackOf = ({ conversions }: ReadingsAsked): SqlFragment => {
  const half = sql.fragment`0.5 * power(10::float8, -least(scale(hot.value), 100))`
  return byDimension(dimension, conversions, ({ factor, slack }) =>
    slack === undefined
      ? sql.fragment`${half} * fhir_float(${scaled(sql.fragment`1`, factor)})`
      : sql.fragment`${slack}::float8`,
  )
}

/** The same as one linear formula for all numbers of an Observation, which may be many. */
const toldIn = ({ unit, conversions }: ReadingsAsked): Told => {
  const isExact = sql.fragment`unit.key = ${keyOf(unit)}`
  const told = (of: (one: Conversion) => SqlFragment) => byDimension(sql.fragment`unit.dimension`, conversions, of)
  const slope = told(({ factor }) => scaled(sql.fragment`1`, factor))
  const shift = told(({ factor, shift }) => sql.fragment`${scaled(zero, factor)} - ${shift}::numeric`)
  return {
    is: sql.fragment`(${isExact} OR ${slope} IS NOT NULL)`,
    slope: sql.fragment`(CASE WHEN ${isExact} THEN 1 ELSE ${slope} END)`,
    shift: sql.fragment`(CASE WHEN ${isExact} THEN 0 ELSE ${shift} END)`,
    isExact,
  }
}

const byDimension = (
  of: SqlFragment,
  conversions: readonly Conversion[],
  then: (one: Conversion) => SqlFragment,
): SqlFragment => {
  const cases = conversions.map(one => sql.fragment`WHEN ${one.dimension} THEN ${then(one)}`)
  return sql.fragment`CASE ${of} ${sql.join(cases, sql.fragment` `)} END`
}
