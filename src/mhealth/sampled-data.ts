import { standardExtensions } from '../fhir/canonical.ts'
import { eachInSteps, type Steps } from '../fhir/give-way.ts'
import { decimalText } from '../fhir/json.ts'
import { instantOf, toDateTime } from './date-time.ts'
import { effectiveOf } from './effective.ts'
import type { ElementMap } from './element-map.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { quantityIn } from './quantity.ts'

/**
 * A data series as https://hl7.org/fhir/R4/datatypes.html#SampledData, if its points share a unit, and are moments or intervals of one length.
 * Moments on a grid are written on that, with `E` for each missing one; otherwise the period is the mean, and R5's offsets have the true times.
 * Intervals are given by their beginnings if the period is their length, so that the time from one sample to the next belongs to the first.
 */
export const sampledData = function* (
  bodies: readonly JsonRecord[],
  path: string | null,
  map: Pick<ElementMap, 'units' | 'bare'>,
): Steps<JsonRecord> {
  if (path === null || bodies.length < 2) return {}
  const found = yield* eachInSteps(bodies, body => ({ ...timeOf(body), quantity: quantityIn(body, path, map) }))
  const points = found.toSorted((one, other) => one.at - other.at)
  yield
  const [first] = points
  if (first?.quantity === undefined) return {}
  const { unit } = first.quantity
  const values = points.map(({ quantity }) => (quantity?.unit === unit ? decimalText(quantity.value) : undefined))
  const offsets = points.map(({ at }) => at - first.at)
  if (values.includes(undefined) || !isAscending(offsets)) return {}
  yield
  const lengths = points.map(({ length }) => length)
  const timed = lengths.every(length => length === 0)
    ? (onGrid(offsets, values) ?? atOffsets(offsets, values))
    : inTurn(lengths, onGrid(offsets, values))
  if (timed === undefined) return {}
  return { valueSampledData: { ...timed, origin: { ...first.quantity, value: 0 }, dimensions: 1 } }
}

/** In ms; NaN if no time is given, or only a date. */
const timeOf = (body: JsonRecord): { readonly at: number; readonly length: number } => {
  const moment = toDateTime(asRecord(body.effective_time_frame)?.date_time)
  if (moment !== undefined) return { at: instantOf(moment), length: 0 }
  const element = effectiveOf(body)?.element
  const { start = '', end = '' } = element !== undefined && 'effectivePeriod' in element ? element.effectivePeriod : {}
  const [from, to] = [start, end].map(text => (text.includes('T') ? instantOf(text) : Number.NaN))
  return { at: from ?? Number.NaN, length: (to ?? Number.NaN) - (from ?? Number.NaN) }
}

/** Intervals that follow one another. Some sources end them a second before the next one begins. */
const inTurn = (lengths: readonly number[], grid: Grid | undefined): Grid | undefined =>
  grid !== undefined && lengths.every(length => length <= grid.period && length >= grid.period - 1000)
    ? grid
    : undefined

/** Whether each is later than the one before. False if one is unknown. */
const isAscending = (offsets: readonly number[]): boolean =>
  offsets.every((offset, index) => index === 0 || offset > (offsets[index - 1] ?? Number.NaN))

type Grid = { readonly period: number; readonly data: string }

type Values = readonly (string | undefined)[]

/** Undefined if most of the grid would be missing. */
const onGrid = (offsets: readonly number[], values: Values): Grid | undefined => {
  const period = offsets.reduce(greatestDivisor)
  const last = (offsets.at(-1) ?? 0) / period
  if (last > mostSlotsEach * offsets.length) return undefined
  const slots = Array.from({ length: last + 1 }, () => 'E')
  for (const [index, offset] of offsets.entries()) slots[offset / period] = values[index] ?? 'E'
  return { period, data: slots.join(' ') }
}

const mostSlotsEach = 3

const greatestDivisor = (one: number, other: number): number =>
  other === 0 ? one : greatestDivisor(other, one % other)

const atOffsets = (offsets: readonly number[], values: Values): JsonRecord => ({
  extension: [{ url: standardExtensions.sampledDataOffsets, valueString: offsets.join(' ') }],
  period: Math.round((offsets.at(-1) ?? 0) / (offsets.length - 1)),
  data: values.join(' '),
})
