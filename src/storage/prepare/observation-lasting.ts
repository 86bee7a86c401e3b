import type { Observation, ObservationComponent, SampledData, Timing } from '@medplum/fhirtypes'
import { standardExtensions } from '../../fhir/canonical.ts'
import { around, type Interval } from '../../fhir/date.ts'
import { extensionOf } from '../../fhir/extension.ts'
import { decimalText } from '../../fhir/json.ts'
import { isEndUnknown } from '../../fhir/unknown-end.ts'

/**
 * The time in which everything in an Observation was measured, if that is longer than its effective time: samples go on after the moment at which
 * they begin, and a Timing that is repeated without bounds, or a Period that says so, ends nobody knows when. Undefined if it is the effective time.
 */
export const lastingOf = (observation: Observation, effective: Interval): Interval | undefined => {
  const spans = [
    ...[observation, ...(observation.component ?? [])].flatMap(one => spanOf(one, effective)),
    ...(endsNobodyKnowsWhen(observation) ? [{ low: effective.low, high: 'infinity' }] : []),
  ]
  const whole = spans.reduce(around, effective)
  return whole.low === effective.low && whole.high === effective.high ? undefined : whole
}

const spanOf = (
  { valueSampledData }: Pick<Observation | ObservationComponent, 'valueSampledData'>,
  effective: Interval,
): readonly Interval[] => {
  if (valueSampledData === undefined || effective.low === '-infinity') return []
  const start = Date.parse(effective.low)
  const [first, last] = offsetsOf(valueSampledData)
  const [low, high] = [momentAt(Math.floor(start + first)), momentAt(Math.floor(start + last) + 1)]
  return [low === undefined || high === undefined ? { low: '-infinity', high: 'infinity' } : { low, high }]
}

/** When the first and the last sample were taken, in ms after the start; values that are missing at the end do not count. */
const offsetsOf = (sampled: SampledData): readonly [number, number] => {
  const { data = '', period, dimensions } = sampled
  const texts = data.trim().split(/\s+/)
  const slots = Math.ceil((texts.findLastIndex(text => text !== 'E') + 1) / Number(decimalText(dimensions)))
  const told = extensionOf(sampled, standardExtensions.sampledDataOffsets)?.valueString
  if (told !== undefined) {
    const offsets = told.trim().split(/\s+/).slice(0, slots).map(Number)
    return offsets.reduce(([first, last], one) => [Math.min(first, one), Math.max(last, one)], [0, 0])
  }
  const end = Math.max(0, slots - 1) * Number(decimalText(period))
  return [Math.min(0, end), Math.max(0, end)]
}

/** Undefined if the time is beyond any date. */
const momentAt = (time: number): string | undefined => {
  const year = new Date(time).getUTCFullYear()
  return year >= 1 && year <= 9999 ? new Date(time).toISOString() : undefined
}

const endsNobodyKnowsWhen = ({ effectivePeriod, effectiveTiming }: Observation): boolean =>
  isUnbounded(effectiveTiming) || (effectivePeriod !== undefined && isEndUnknown(effectivePeriod))

const isUnbounded = (timing: Timing | undefined): boolean =>
  timing !== undefined &&
  (timing.code !== undefined || (timing.repeat !== undefined && timing.repeat.boundsPeriod === undefined))
