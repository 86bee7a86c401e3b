import { decimalText } from '../fhir/json.ts'
import { toDateTime } from './date-time.ts'
import type { Face } from './face.ts'
import { asRecord, type JsonRecord } from './json-tree.ts'
import { toQuantity } from './quantity.ts'

/**
 * A data series as https://hl7.org/fhir/R4/datatypes.html#SampledData, where its points are evenly spaced and share a unit;
 * any other series stays in the document alone, since R4 could only give it false times.
 */
export const sampledData = (bodies: readonly JsonRecord[], path: string | null, face: Face): JsonRecord => {
  if (path === null || bodies.length < 2) return {}
  const quantities = bodies.map(body => toQuantity(body[path], face))
  const period = spacing(bodies)
  const [first] = quantities
  if (first === undefined || period === undefined) return {}
  const values = quantities.map(one => (one?.unit === first.unit ? decimalText(one.value) : undefined))
  if (values.includes(undefined)) return {}
  return {
    valueSampledData: { origin: { ...first, value: 0 }, period, dimensions: 1, data: values.join(' ') },
  }
}

const spacing = (bodies: readonly JsonRecord[]): number | undefined => {
  const times = bodies.map(body => Date.parse(toDateTime(asRecord(body.effective_time_frame)?.date_time) ?? ''))
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? Number.NaN))
  const [first = 0] = gaps
  return first > 0 && gaps.every(gap => gap === first) ? first : undefined
}
