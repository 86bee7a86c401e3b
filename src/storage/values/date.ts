import { type Interval, intervalOf, intervalOfPeriod, intervalOfTiming } from '../../fhir/date.ts'
import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { allOf, type SqlFragment, sql } from '../sql.ts'
import { type Condition, element, elementText, someElement } from './element.ts'

type DateValue = Extract<Value, { kind: 'date' }>

/** https://hl7.org/fhir/R4/search.html#date: compares the range of the element with the range of the value. */
export const matchDate = (content: SqlFragment, parameter: SearchParameter, value: DateValue): SqlFragment =>
  someElement(content, parameter.paths, datatype => conditionsOf(datatype, value))

const conditionsOf = (datatype: string, value: DateValue): readonly Condition[] => {
  const range = ranges[datatype]
  if (range === undefined) return []
  const test = dateTest(range.low, range.high, value)
  return [{ holds: range.holds === undefined ? test : allOf([range.holds, test]) }]
}

const instant = { low: sql.fragment`fhir_low(${elementText})`, high: sql.fragment`fhir_high(${elementText})` }

/** Open if the bounds of a repetition do not say; null if it has none. */
const boundsOf = (bound: SqlFragment, open: SqlFragment): SqlFragment => sql.fragment`(
  CASE WHEN ${element} #> '{repeat,boundsPeriod}' IS NOT NULL THEN coalesce(${bound}, ${open}) END)`
const boundsStart = boundsOf(
  sql.fragment`fhir_low(${element} #>> '{repeat,boundsPeriod,start}')`,
  sql.fragment`'-infinity'`,
)
const boundsEnd = boundsOf(
  sql.fragment`fhir_high(${element} #>> '{repeat,boundsPeriod,end}')`,
  sql.fragment`'infinity'`,
)

/** `holds` is what an element must have to be a range at all. */
type DateRange = { readonly low: SqlFragment; readonly high: SqlFragment; readonly holds?: SqlFragment }

const ranges: Readonly<Record<string, DateRange>> = {
  date: instant,
  dateTime: instant,
  instant,
  Period: {
    low: sql.fragment`coalesce(fhir_low(${element} ->> 'start'), '-infinity')`,
    high: sql.fragment`coalesce(fhir_high(${element} ->> 'end'), 'infinity')`,
  },
  Timing: {
    holds: sql.fragment`(jsonb_typeof(${element} -> 'event') = 'array' OR ${element} #> '{repeat,boundsPeriod}' IS NOT NULL)`,
    low: sql.fragment`least(
      (SELECT min(fhir_low(event)) FROM jsonb_array_elements_text(${element} -> 'event') AS event), ${boundsStart})`,
    high: sql.fragment`greatest(
      (SELECT max(fhir_high(event)) FROM jsonb_array_elements_text(${element} -> 'event') AS event), ${boundsEnd})`,
  },
}

/** The element's range [low, high) against the value's, by prefix. */
export const dateTest = (low: SqlFragment, high: SqlFragment, value: DateValue): SqlFragment =>
  rangeTest({ low, high, toEnd: bound => bound }, value)

/** The same for the millisecond that begins at a time. The time stands alone on its side of each comparison, so that an index can be used. */
export const millisecondTest = (at: SqlFragment, value: DateValue): SqlFragment =>
  rangeTest({ low: at, high: at, toEnd: bound => sql.fragment`(${bound} - interval '1 millisecond')` }, value)

/** `toEnd`: what `high` is compared with, for a comparison about the end of the range. */
type Compared = {
  readonly low: SqlFragment
  readonly high: SqlFragment
  readonly toEnd: (bound: SqlFragment) => SqlFragment
}

const rangeTest = ({ low, high, toEnd }: Compared, value: DateValue): SqlFragment => {
  const from = sql.fragment`${value.low}::timestamptz`
  const to = sql.fragment`${value.high}::timestamptz`
  const inside = sql.fragment`(${low} >= ${from} AND ${high} <= ${toEnd(to)})`
  const reaches = sql.fragment`${high} > ${toEnd(from)}`
  const reachesBeyond = sql.fragment`${high} > ${toEnd(to)}`
  const tests: Readonly<Record<DateValue['prefix'], SqlFragment>> = {
    eq: inside,
    ne: sql.fragment`NOT ${inside}`,
    gt: isMoment(value)
      ? sql.fragment`(${reaches} AND (${reachesBeyond} OR ${low} > ${from} OR (${low} < ${from} AND ${high} < ${toEnd(to)})))`
      : reachesBeyond,
    lt: sql.fragment`${low} < ${from}`,
    ge: reaches,
    le: sql.fragment`${low} < ${to}`,
    sa: sql.fragment`${low} >= ${to}`,
    eb: sql.fragment`${high} <= ${toEnd(from)}`,
    ap: sql.fragment`(${low} < ${to} AND ${reaches})`,
  }
  return tests[value.prefix]
}

/**
 * A time with seconds is its first instant for what is after it: "the range after 2015-08-12T05:23:45 includes any time after
 * 2015-08-12T05:23:45.000000000000000". An element that is that very second, or ends within it without saying when, is not after it.
 */
const isMoment = ({ low, high }: DateValue): boolean => Date.parse(high) - Date.parse(low) <= 1000

/** What must be true of a range's index row; undefined if the index could not narrow the search. */
export const dateBounds = (value: DateValue): SqlFragment | undefined => {
  const bounds: Readonly<Partial<Record<DateValue['prefix'], SqlFragment>>> = {
    eq: sql.fragment`low >= ${value.low}::timestamptz AND low < ${value.high}::timestamptz`,
    gt: sql.fragment`high > ${isMoment(value) ? value.low : value.high}::timestamptz`,
    lt: sql.fragment`low < ${value.low}::timestamptz`,
    ge: sql.fragment`high > ${value.low}::timestamptz`,
    le: sql.fragment`low < ${value.high}::timestamptz`,
    sa: sql.fragment`low >= ${value.high}::timestamptz`,
    eb: sql.fragment`high <= ${value.low}::timestamptz`,
    ap: sql.fragment`low < ${value.high}::timestamptz AND high > ${value.low}::timestamptz`,
  }
  return bounds[value.prefix]
}

/** The range of an element, for the index and for an Observation's facts. */
export const intervalOfElement = (datatype: string, value: unknown): Interval | undefined => {
  if (datatype === 'Period') return intervalOfPeriod(value as Parameters<typeof intervalOfPeriod>[0])
  if (datatype === 'Timing') return intervalOfTiming(value as Parameters<typeof intervalOfTiming>[0])
  return typeof value === 'string' ? intervalOf(value) : undefined
}
