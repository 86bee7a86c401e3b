import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { ucumUnit } from '../../fhir/measured/ucum.ts'
import { splitAt, unescapeText } from '../escape.ts'
import { valueRefusal } from '../refusal.ts'
import type { Value } from '../value.ts'

/** "latitude|longitude|distance|units"; units are kilometres if absent. https://hl7.org/fhir/R4/location.html#search */
export const parseNear = (parameter: SearchParameter, text: string): Value => {
  const [north, east, distance = '', unit = '', ...more] = splitAt('|', text).map(unescapeText)
  const latitude = toNumber(north, 90)
  const longitude = toNumber(east, 180)
  const distanceKm = distance === '' ? usualDistanceKm : kilometres(distance, unit === '' ? 'km' : unit)
  if (latitude === undefined || longitude === undefined || distanceKm === undefined || more.length > 0)
    throw valueRefusal(
      parameter,
      text,
      'latitude|longitude|distance|unit, in degrees, the unit a UCUM length such as km (if absent), m or [mi_i]',
    )
  return { kind: 'near', latitude, longitude, distanceKm }
}

/** "If the distance is omitted, then the server can use its own discretion". */
const usualDistanceKm = 50

const toNumber = (text = '', most: number): number | undefined =>
  /^[-+]?\d{1,20}(?:\.\d{1,20})?$/.test(text) && Math.abs(Number(text)) <= most ? Number(text) : undefined

const kilometres = (text: string, unit: string): number | undefined => {
  const distance = toNumber(text, Number.MAX_VALUE)
  const { dimension, numerator, denominator } = ucumUnit(unit) ?? {}
  if (distance === undefined || distance < 0 || dimension !== ucumUnit('m')?.dimension) return undefined
  return (distance * Number(numerator)) / Number(denominator) / 1000
}
