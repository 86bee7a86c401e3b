import type { SearchParameter } from '../../fhir/search-parameter.ts'
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
  const north = sql.fragment`(${element} ->> 'latitude')::float8`
  const east = sql.fragment`(${element} ->> 'longitude')::float8`
  const haversine = sql.fragment`
    power(sind((${north} - ${latitude}::float8) / 2), 2)
    + cosd(${latitude}::float8) * cosd(${north}) * power(sind((${east} - ${longitude}::float8) / 2), 2)`
  return someElement(content, parameter.paths, () => [
    { holds: sql.fragment`${2 * earthRadiusKm}::float8 * asin(least(1, sqrt(${haversine}))) <= ${distanceKm}::float8` },
  ])
}

/** The mean radius of WGS84. */
const earthRadiusKm = 6371.0088
