import { intervalOf, isBefore, isDay } from '../../../fhir/date.ts'

/** Whether a Consent with this `dateTime` may have been signed before a moment. A day counts as beginning where it began first, in the easternmost time zone. */
export const isSignedBefore = (dateTime: string | undefined, moment: string): boolean => {
  const signed = dateTime === undefined ? undefined : intervalOf(dateTime)
  if (dateTime === undefined || signed === undefined) return false
  return isBefore(isDay(dateTime) ? shifted(signed.low, -furthestEastMs) : signed.low, moment)
}

/** Whether it may have been signed after a moment. A day, month or year counts as beginning where it began last, in the westernmost time zone. */
export const isSignedAfter = (dateTime: string | undefined, moment: string): boolean => {
  const signed = dateTime === undefined ? undefined : intervalOf(dateTime)
  if (dateTime === undefined || signed === undefined) return false
  return isBefore(moment, dateTime.includes('T') ? signed.high : shifted(signed.low, furthestWestMs))
}

const shifted = (moment: string, byMs: number): string => new Date(Date.parse(moment) + byMs).toISOString()

const furthestEastMs = 14 * 60 * 60 * 1000
const furthestWestMs = 12 * 60 * 60 * 1000
