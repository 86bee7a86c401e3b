import { standardExtensions } from '../../fhir/canonical.ts'
import { unitOfRanges } from '../prepare/observation-facts.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** How a number of a SampledData, before factor and origin, becomes one in the unit that is asked for: × `slope` + `shift`; by the row `unit`. */
export type Told = {
  readonly is: SqlFragment
  readonly slope: SqlFragment
  readonly shift: SqlFragment
  readonly isExact: SqlFragment
}

/**
 * Those rows of `asked` that are SampledData of numbers which can be converted to the unit that is asked for: sampled once a second or less often, or
 * at moments of their own. What is sampled faster is a waveform, such as an ECG, and one reading. Fails with too-costly if it is too much.
 * https://hl7.org/fhir/R4/datatypes.html#SampledData
 */
export const sampledIn = ({ is, slope, shift, isExact }: Told): SqlFragment => sql.fragment`
  SELECT * FROM (
    SELECT hot.pk, hot.component, hot.kind_id, hot.device_id, hot.effective_start, hot.statistic, unit.dimension, data, period,
      jsonb_path_query_first(said, ${offsetsPath}::jsonpath) #>> '{}' AS offsets,
      fhir_float(coalesce((said ->> 'factor')::numeric, 1) * ${slope}) AS slope,
      fhir_float(coalesce((said #>> '{origin,value}')::numeric, 0) * ${slope} + ${shift}) AS shift,
      ${isExact} AS is_exact, sum(length(data)) OVER () AS characters
    FROM asked AS hot
    JOIN observation AS body ON body.patient_id = hot.patient_id AND body.pk = hot.pk
    CROSS JOIN LATERAL (SELECT (CASE hot.component WHEN 0 THEN body.content
      ELSE body.content -> 'component' -> (hot.component - 1) END) -> 'valueSampledData' AS said) AS element
    CROSS JOIN LATERAL (SELECT btrim(said ->> 'data') AS data, fhir_float((said ->> 'period')::numeric) AS period) AS samples
    JOIN unit ON unit.key = coalesce(said #>> '{origin,system}', '') || '|' || (said #>> '{origin,code}')
    WHERE hot.unit_id = ${unitOfRanges} AND (said ->> 'dimensions')::numeric = 1 AND ${is}
      AND (period >= ${slowestWave} OR jsonb_path_exists(said, ${offsetsPath}::jsonpath))
      AND coalesce(jsonb_path_query_first(said, ${offsetsPath}::jsonpath) #>> '{}' ~ ${wellFormedOffsets}, TRUE)
      AND data ~ ${wellFormed} AND data ~ '[0-9LU]'
  ) AS found
  WHERE few_samples(characters, ${mostCharacters})`

/** In ms. */
const slowestWave = 1000

/** Some five million samples, such as two months of a heart rate each second. */
const mostCharacters = 20_000_000

/** Numbers that floating point can hold, even multiplied by a slope. */
const number = '[-+]?[0-9]{1,100}([.][0-9]{1,100})?([eE][-+]?[0-9]{1,2})?|[ELU]'
const wellFormed = `^(${number})( (${number}))*$`

/** As `sampled_quarters` accepts them. */
const offset = '[-+]?[0-9]{1,15}([.][0-9]{1,30})?'
const wellFormedOffsets = `^${offset}( ${offset})*$`

const offsetsPath = `$.extension[*] ? (@.url == "${standardExtensions.sampledDataOffsets}").valueString`

/** Thirty years: nothing is sampled for longer, and dates have limits. */
const longestMs = sql.fragment`1e12`

/**
 * Each sample of the row `hot` of `sampled` with its moment `at`, even if there are millions. A sample below or above the device's limits has no
 * value; one that is missing is left out.
 */
export const samplesOf = sql.fragment`(
  SELECT hot.effective_start + one.after * interval '1 ms' AS at,
    CASE WHEN one.text = 'L' OR one.text = 'U' THEN NULL ELSE one.text::float8 * hot.slope + hot.shift END AS value
  FROM (
    SELECT text, coalesce(moment::float8, (place - 1) * hot.period) AS after
    FROM unnest(string_to_array(hot.data, ' '), string_to_array(hot.offsets, ' ')) WITH ORDINALITY AS listed(text, moment, place)
  ) AS one
  WHERE one.text <> 'E' AND abs(one.after) < ${longestMs})`
