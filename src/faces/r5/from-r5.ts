import { standardExtensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { decimalText } from '../../fhir/json.ts'
import { ucumUnit } from '../../fhir/measured/ucum.ts'
import { asList, asRecord, asText, type JsonRecord } from '../../mhealth/json-tree.ts'

/** An Observation that an R5 client sent, with what R5 names differently as in R4. Throws FhirError, 422, for what R4 cannot express. */
export const observationFromR5 = (body: unknown): unknown => {
  const observation = asRecord(body)
  if (observation === undefined) return body
  const { component } = observation
  return {
    ...withPeriod(observation, 'Observation'),
    ...(component === undefined ? {} : { component: asList(component).map(componentFromR5) }),
  }
}

const componentFromR5 = (component: unknown, index: number): unknown => {
  const element = asRecord(component)
  return element === undefined ? component : withPeriod(element, `Observation.component[${index}]`)
}

/**
 * R4 counts in milliseconds, R5 in any unit. Samples with times of their own have these in an extension in R4.
 * https://hl7.org/fhir/R5/datatypes.html#SampledData
 */
const withPeriod = (element: JsonRecord, expression: string): JsonRecord => {
  const sampled = asRecord(element.valueSampledData)
  if (sampled?.interval === undefined && sampled?.offsets === undefined) return element
  const { interval, intervalUnit, offsets, ...rest } = sampled
  const unit = asText(intervalUnit) ?? ''
  const timed = offsets === undefined ? withInterval(interval, unit) : withOffsets(asText(offsets) ?? '', unit)
  if (timed !== undefined)
    return { ...element, valueSampledData: { ...rest, ...timed, ...extended(rest.extension, timed) } }
  const words = `an interval in "${unit}" is none that R4 has; accepted: a UCUM unit of time, such as ms or s`
  throw new FhirError('value', words, { expression: `${expression}.valueSampledData.intervalUnit` })
}

type Timed = { readonly period: unknown; readonly extension?: readonly unknown[] }

const extended = (before: unknown, { extension }: Timed): object =>
  extension === undefined ? {} : { extension: [...asList(before), ...extension] }

const withInterval = (interval: unknown, unit: string): Timed | undefined => {
  const period = unit === 'ms' ? interval : inMilliseconds(Number(decimalText(interval)), unit)
  return period === undefined ? undefined : { period }
}

/** R4 requires a period as well, which is their mean. */
const withOffsets = (text: string, unit: string): Timed | undefined => {
  const times = text.split(' ').map(offset => inMilliseconds(Number(offset || 'none'), unit))
  const known = times.flatMap(time => time ?? [])
  if (known.length < times.length) return undefined
  const span = (known.at(-1) ?? 0) - (known[0] ?? 0)
  const extension = [{ url: standardExtensions.sampledDataOffsets, valueString: known.join(' ') }]
  return { period: Math.max(1, Math.round(span / Math.max(1, known.length - 1))), extension }
}

const inMilliseconds = (interval: number, code: string): number | undefined => {
  const [unit, millisecond] = [ucumUnit(code), ucumUnit('ms')]
  if (unit === undefined || unit.dimension !== millisecond?.dimension || Number.isNaN(interval)) return undefined
  const inBase = ({ numerator, denominator }: typeof unit) => Number(numerator) / Number(denominator)
  // To twelve digits, since the result of a binary division is rarely exact.
  return Number(((interval * inBase(unit)) / inBase(millisecond)).toPrecision(12))
}
