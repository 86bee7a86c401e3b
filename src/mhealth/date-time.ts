/** RFC 3339 as documents write it → FHIR dateTime. https://hl7.org/fhir/R4/datatypes.html#dateTime */

import { intervalOf, momentsOf } from '../fhir/date.ts'

/**
 * The same moment with the same offset, as FHIR spells it. Without a zone it is UTC. Undefined if the text is no date-time, or one that does not
 * exist, such as the 30th of February, or an offset that FHIR does not allow, as RFC 3339 does.
 */
export const toDateTime = (text: unknown): string | undefined => {
  if (typeof text !== 'string') return undefined
  if (usual.test(text)) return text
  const { date, time, seconds = ':00', hours, minutes = '00' } = lenient.exec(text)?.groups ?? {}
  if (date === undefined) return undefined
  const dateTime = `${date}T${time}${seconds}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`
  return intervalOf(dateTime) !== undefined ? dateTime : undefined
}

export const hasZone = (text: string): boolean => usual.test(text) || lenient.exec(text)?.groups?.zone !== undefined

export const hasSeconds = (text: string): boolean => lenient.exec(text)?.groups?.seconds !== undefined

/** In ms since 1970; 23:59:60 is the midnight after it. NaN if the text is no date-time. */
export const instantOf = (text: string): number => momentsOf(text)?.low ?? Number.NaN

const usual =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)$/
/** FHIR has no year 0000. */
const lenient =
  /^(?<date>(?!0000)\d{4}-\d\d-\d\d)[Tt\s](?<time>\d\d:\d\d)(?<seconds>:\d\d(?:\.\d+)?)?(?<zone>[Zz]|(?<hours>[+-]\d\d):?(?<minutes>\d\d)?)?$/

/** How far the clock of a device may be ahead. */
export const clockSkewMs = 15 * 60_000

/** `dateTime` moved by that many units, in its own offset; undefined for a fraction of a month, whose length is unknown. */
export const moveBy = (dateTime: string, amount: number, unit: string): string | undefined => {
  const offsetMs = offsetOf(dateTime)
  const localMs = instantOf(dateTime) + offsetMs
  const months = monthsPerUnit[unit]
  const moved = months === undefined ? moveByMs(localMs, amount, unit) : moveByMonths(localMs, amount * months)
  return moved !== undefined && moved > firstMs && moved < endMs ? print(moved, dateTime) : undefined
}

/** The years that FHIR can write. */
const firstMs = Date.parse('0001-01-01')
const endMs = Date.parse('9999-12-31')

const moveByMs = (localMs: number, amount: number, unit: string): number | undefined => {
  const unitMs = msPerUnit[unit]
  return unitMs === undefined ? undefined : Math.round(localMs + amount * unitMs)
}

const msPerUnit: Readonly<Record<string, number>> = {
  ps: 1e-9,
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  sec: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  wk: 604_800_000,
}
const monthsPerUnit: Readonly<Record<string, number>> = { Mo: 1, yr: 12 }

/** One month after the 31st is the last day of a shorter month. */
const moveByMonths = (localMs: number, months: number): number | undefined => {
  if (!Number.isInteger(months)) return undefined
  const date = new Date(localMs)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + months)
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  return date.setUTCDate(Math.min(day, lastDay))
}

const offsetOf = (dateTime: string): number => {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(dateTime) ?? []
  if (sign === undefined) return 0
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}

const print = (localMs: number, like: string): string => {
  const zone = /(?:Z|[+-]\d\d:\d\d)$/.exec(like)?.[0] ?? 'Z'
  return new Date(localMs).toISOString().replace(/(?:\.000)?Z$/, '') + zone
}
