import type { Random } from '../random.ts'
import type { Found } from '../values.ts'

/** The place itself, and places some distance away, within more and within less than that. */
export const deriveNear = ({ value }: Found, random: Random): readonly string[] => {
  const { latitude, longitude } = value as { readonly latitude?: number; readonly longitude?: number }
  if (latitude === undefined || longitude === undefined) return []
  const north = (latitude > 0 ? latitude - 0.1 : latitude + 0.1).toFixed(4)
  const own = `${latitude}|${longitude}`
  return [`${own}|1|km`, `${own}|100|m`, `${north}|${longitude}|20`, `${north}|${longitude}|${random.pick([5, 9])}|km`]
}
