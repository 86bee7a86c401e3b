import type { Found } from '../values.ts'
import { plainText, split } from './escape.ts'
import { convertNumber } from './unit.ts'

/** "[latitude]|[longitude]|[distance]|[units] … If the units are omitted, then kms should be assumed." https://hl7.org/fhir/R4/location.html#search */
export const matchNear = ({ value }: Found, text: string): boolean => {
  const [latitude, longitude, distance, unit = 'km'] = split('|', text).map(plainText)
  const { latitude: north = 0, longitude: east = 0 } = value as {
    readonly latitude?: number
    readonly longitude?: number
  }
  const here = vectorOf(north, east)
  const there = vectorOf(Number(latitude), Number(longitude))
  const chord = Math.hypot(...here.map((part, index) => part - (there[index] ?? 0)))
  return 2 * earthRadiusKm * Math.asin(Math.min(1, chord / 2)) <= convertNumber(Number(distance), unit, 'km')
}

const earthRadiusKm = 6371.0088

/** A point on a sphere with radius 1. */
const vectorOf = (north: number, east: number): readonly number[] => {
  const [latitude, longitude] = [(north * Math.PI) / 180, (east * Math.PI) / 180]
  return [Math.cos(latitude) * Math.cos(longitude), Math.cos(latitude) * Math.sin(longitude), Math.sin(latitude)]
}
