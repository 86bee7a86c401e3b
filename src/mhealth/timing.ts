import { intervalOf, isBefore, isDay } from '../fhir/date.ts'
import { eachInSteps, type Steps } from '../fhir/give-way.ts'
import { mostIssues } from '../fhir/validate/walk.ts'
import { clockSkewMs, instantOf } from './date-time.ts'
import type { OmhDocument } from './document.ts'
import { type Effective, effectiveOf, spanOf } from './effective.ts'
import { type Finding, finding } from './finding.ts'
import { asRecord } from './json-tree.ts'

/** When it was measured, and the findings about that. */
export type Timing = {
  readonly effective: Effective | undefined
  /** For each body. */
  readonly each: readonly (Effective | undefined)[]
  readonly findings: readonly Finding[]
}

/** `now`: in ms since 1970. An impossible time is a finding; an interval that ends before it begins counts as no time. */
export const timingOf = function* (document: OmhDocument, isValidated: boolean, now: number): Steps<Timing> {
  const { expression, exact } = document
  const each = yield* eachInSteps(exact.bodies, body => effectiveOf(asRecord(body) ?? {}))
  const areOrdered = yield* eachInSteps(each, one => one !== undefined && isOrdered(one))
  const disordered = each.find((one, index) => one !== undefined && areOrdered[index] === false)
  const effective = yield* wholeOf(
    each.filter((_, index) => areOrdered[index]).flatMap(one => one ?? []),
    each.length,
  )
  const findings = disordered === undefined ? [] : [outOfOrder(expression, disordered)]
  if (effective === undefined) return { effective, each, findings: [...findings, ...missing(each, expression)] }
  if (isWithoutEnd(effective))
    findings.push(finding('time-missing', 'the document does not say until when it was measured', expression))
  if (isFuture(effective, now)) findings.push(future(effective, expression))
  if (!isValidated)
    for (const note of effective.notes.slice(0, mostIssues + 1))
      findings.push(finding('time-zone-missing', note, expression))
  return { effective, each, findings }
}

/** If some points of a series have no time, nobody knows from when until when the whole is. */
const wholeOf = function* (ordered: readonly Effective[], length: number): Steps<Effective | undefined> {
  if (length <= 1) return ordered[0]
  return ordered.length === length ? yield* spanOf(ordered) : undefined
}

/** An interval that is out of order has been reported already. */
const missing = (each: readonly (Effective | undefined)[], expression: string): readonly Finding[] => {
  if (each.length > 0 && !each.includes(undefined)) return []
  const what = each.some(one => one !== undefined) ? 'all of it' : 'it'
  return [finding('time-missing', `the document does not say when ${what} was measured`, expression)]
}

/** As in a Period: an end is a date, a second or a moment as a whole. https://hl7.org/fhir/R4/datatypes.html#Period */
const isOrdered = ({ element }: Effective): boolean => {
  if ('effectiveDateTime' in element) return true
  const { start, end } = element.effectivePeriod
  if (start === undefined || end === undefined) return true
  const [first, last] = [intervalOf(start), intervalOf(end)]
  return first !== undefined && last !== undefined && isBefore(first.low, last.high)
}

const isWithoutEnd = ({ element }: Effective): boolean =>
  'effectivePeriod' in element && element.effectivePeriod.end === undefined

const outOfOrder = (expression: string, { element }: Effective): Finding => {
  const { start, end } = 'effectivePeriod' in element ? element.effectivePeriod : {}
  const message = `the effective time frame ends at ${end}, before it begins at ${start}; accepted: an end that is not before its start`
  return finding('interval-order', message, expression)
}

const startText = ({ element }: Effective): string | undefined =>
  'effectiveDateTime' in element ? element.effectiveDateTime : element.effectivePeriod.start

/** In ms since 1970; if only the end is known, that. Undefined if nothing is known. */
export const startOf = (effective: Effective | undefined): number | undefined => {
  if (effective === undefined) return undefined
  const { element } = effective
  const text = startText(effective) ?? ('effectivePeriod' in element ? element.effectivePeriod.end : undefined)
  const start = instantOf(text ?? '')
  return Number.isNaN(start) ? undefined : start
}

/** Only the start counts: totals of a day are sent before the day has ended. */
const isFuture = (effective: Effective, now: number): boolean => {
  const start = startText(effective)
  return start !== undefined && instantOf(start) > now + (isInZone(effective) ? clockSkewMs : farthestZoneMs)
}

/** A date, or a time that was read as UTC, may be meant in the zone that is farthest ahead. */
const farthestZoneMs = 14 * 3_600_000

const isInZone = (effective: Effective): boolean => effective.notes.length === 0 && !isDay(startText(effective) ?? '')

const future = (effective: Effective, expression: string): Finding =>
  finding(
    'time-future',
    `the document says that it was measured at ${startText(effective)}, which is yet to come`,
    expression,
  )
