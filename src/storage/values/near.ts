import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { element, someElement } from './element.ts'

type Near = Extract<Value, { kind: 'near' }>

/** The great circle between two points, by the haversine formula. https://hl7.org/fhir/R4/location.html#search */
export const matchNear = (
  content: SqlFragment,
  parameter: SearchParameter,
  { latitude, longitude, distanceKm }: Near,
): SqlFragment => {
  const north = degrees('latitude', 90)
  const east = degrees('longitude', 180)
  const haversine = sql.fragment`
    power(sind((${north} - ${toBillionth(latitude)}::float8) / 2), 2)
    + cosd(${toBillionth(latitude)}::float8) * cosd(${north}) * power(sind((${east} - ${toBillionth(longitude)}::float8) / 2), 2)`
  return someElement(content, parameter.paths, () => [
    { holds: sql.fragment`${2 * earthRadiusKm}::float8 * asin(least(1, sqrt(${haversine}))) <= ${distanceKm}::float8` },
  ])
}

/** Null if it is not on the globe. Less than a billionth counts as nothing, since its square is beyond floating point. */
const degrees = (name: string, most: number): SqlFragment => {
  const written = sql.fragment`(${element} ->> ${name})::numeric`
  return sql.fragment`(CASE WHEN abs(${written}) <= ${most} THEN round(${written}, 9)::float8 END)`
}

const toBillionth = (degrees: number): string => degrees.toFixed(9)

/** The mean radius of WGS84. */
const earthRadiusKm = 6371.0088
