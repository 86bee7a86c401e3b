import { standardExtensions } from '../fhir/canonical.ts'
import { FhirError } from '../fhir/error.ts'
import { eachInSteps, type Steps } from '../fhir/give-way.ts'
import { decimalText } from '../fhir/json.ts'
import { instantOf, moveBy } from './date-time.ts'
import { type Decimal, minus, parseDecimal, times, toJsonNumber } from './decimal.ts'
import { asList, asRecord, asText, type JsonRecord } from './json-tree.ts'

/** What was measured at a moment. */
export type Sample = {
  readonly start: number | undefined
  /** `effective[x]`, `value[x]` and `component` of an Observation of that moment alone. */
  readonly elements: () => JsonRecord
}

/**
 * The moments of https://hl7.org/fhir/R4/datatypes.html#SampledData in an Observation or in its components (an ECG has a component for each
 * lead). An Observation without any is one moment itself. Throws FhirError if it is not said when the samples begin, or if there are more than
 * can be expanded beside other work.
 */
export const samplesOf = function* (observation: JsonRecord): Steps<readonly Sample[]> {
  const parts = sampledParts(observation)
  const start = startText(observation)
  if (parts.length === 0)
    return [{ start: start === undefined ? undefined : instantOf(start), elements: () => own(observation) }]
  if (start === undefined)
    throw new FhirError('business-rule', 'Samples without effectiveDateTime or effectivePeriod.start have no times')
  requireFew(parts)
  const moments = new Map<number, (() => Part)[]>()
  for (const part of parts)
    for (const { offset, value } of valuesOf(part)) {
      const at = moments.get(offset) ?? []
      at.push(() => ({ index: part.index, code: part.code, value: value() }))
      moments.set(offset, at)
      yield
    }
  const first = instantOf(start)
  const ordered = [...moments].sort(([one], [other]) => one - other)
  return yield* eachInSteps(ordered, ([offset, at]) => ({
    start: first + offset,
    elements: () => ({
      effectiveDateTime: moveBy(start, offset, 'ms'),
      ...toElements(at.map(part => part())),
    }),
  }))
}

const mostSamples = 200_000
const tooMany = new FhirError(
  'too-costly',
  `At most ${mostSamples} samples of one Observation are laid out singly: read its SampledData as it is`,
  { status: 422 },
)

const requireFew = (parts: readonly Sampled[]): void => {
  let count = 0
  for (const { data } of parts)
    for (const _ of (asText(data.data) ?? '').matchAll(/\s+/g)) {
      count += 1
      if (count >= mostSamples) throw tooMany
    }
}

const startText = ({ effectiveDateTime, effectiveInstant, effectivePeriod }: JsonRecord): string | undefined =>
  asText(effectiveDateTime ?? effectiveInstant ?? asRecord(effectivePeriod)?.start)

const own = (observation: JsonRecord): JsonRecord =>
  Object.fromEntries(Object.entries(observation).filter(([name]) => /^effective|^value|^component$/.test(name)))

/** `index` 0 is the Observation itself. */
type Sampled = { readonly index: number; readonly code: unknown; readonly data: JsonRecord }
type Part = { readonly index: number; readonly code: unknown; readonly value: JsonRecord }

const sampledParts = (observation: JsonRecord): readonly Sampled[] =>
  [observation, ...asList(observation.component)].flatMap((one, index): readonly Sampled[] => {
    const { code, valueSampledData } = asRecord(one) ?? {}
    const data = asRecord(valueSampledData)
    return data === undefined ? [] : [{ index, code, data }]
  })

const toElements = (parts: readonly Part[]): JsonRecord => {
  const main = parts.find(({ index }) => index === 0)
  const components = parts.filter(({ index }) => index > 0).map(({ code, value }) => ({ code, ...value }))
  return { ...main?.value, ...(components.length === 0 ? {} : { component: components }) }
}

type Timed = { readonly offset: number; readonly value: () => JsonRecord }

/** A missing value is no moment: nothing was measured then. */
const valuesOf = function* ({ data: sampled }: Sampled): Generator<Timed> {
  if (Number(decimalText(sampled.dimensions)) !== 1)
    throw new FhirError('not-supported', 'Only SampledData of one dimension is expanded', { status: 422 })
  const period = Number(decimalText(sampled.period))
  const offsets = offsetsOf(sampled)
  const texts = (asText(sampled.data) ?? '').trim().split(/\s+/)
  for (const [index, text] of texts.entries()) {
    const offset = offsets === undefined ? index * period : offsets[index]
    if (text !== 'E' && text !== '' && offset !== undefined) yield { offset, value: () => sampleValue(text, sampled) }
  }
}

const offsetsOf = ({ extension }: JsonRecord): readonly number[] | undefined => {
  const found = asList(extension).find(one => asRecord(one)?.url === standardExtensions.sampledDataOffsets)
  return asText(asRecord(found)?.valueString)?.split(/\s+/).map(Number)
}

/** "Values (decimal digits with spaces, or "E" | "U" | "L")": L is below the lower limit, U above the upper one. */
const sampleValue = (text: string, { origin, factor, lowerLimit, upperLimit }: JsonRecord): JsonRecord => {
  const { value: zero, ...unit } = asRecord(origin) ?? {}
  const limit = text === 'L' ? lowerLimit : text === 'U' ? upperLimit : undefined
  if (limit !== undefined) return { valueQuantity: { value: limit, comparator: text === 'L' ? '<' : '>', ...unit } }
  if (!/^[-+]?\d/.test(text)) return { dataAbsentReason: { coding: [notANumber] } }
  const scaled = times(parseDecimal(text.replace(/^\+/, '')), parseDecimal(decimalText(factor) ?? '1'))
  return { valueQuantity: { value: toJsonNumber(minus(scaled, negative(zero))), ...unit } }
}

const negative = (value: unknown): Decimal => {
  const { digits, scale } = parseDecimal(decimalText(value) ?? '0')
  return { digits: -digits, scale }
}

const notANumber = { system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code: 'not-a-number' }
