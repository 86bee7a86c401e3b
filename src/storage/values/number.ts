import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { element, elementText, someElement } from './element.ts'

type Numeric = Extract<Value, { kind: 'number' | 'quantity' }>

/** https://hl7.org/fhir/R4/search.html#number */
export const matchNumber = (content: SqlFragment, parameter: SearchParameter, value: Numeric): SqlFragment =>
  someElement(content, parameter.paths, datatype => [
    {
      holds: amountTest(datatype === 'Range' ? range : exactly(sql.fragment`${elementText}::numeric`), boundsOf(value)),
    },
  ])

/** The range of an element's amount. Both ends are included, unless they are said to be outside. */
export type Amount = {
  readonly low: SqlFragment
  readonly high: SqlFragment
  readonly lowIsOutside?: SqlFragment
  readonly highIsOutside?: SqlFragment
}

export const exactly = (number: SqlFragment): Amount => ({ low: number, high: number })

/** The amount of a Range, of which an absent end is open. */
export const range: Amount = {
  low: sql.fragment`coalesce((${element} #>> '{low,value}')::numeric, '-infinity')`,
  high: sql.fragment`coalesce((${element} #>> '{high,value}')::numeric, 'infinity')`,
}

/** The number that is searched for, as it is written, and the range that its precision implies. */
export type Bounds = {
  readonly prefix: Numeric['prefix']
  readonly exact: SqlFragment
  readonly low: SqlFragment
  readonly high: SqlFragment
}

export const boundsOf = ({ prefix, value, low, high }: Numeric): Bounds => ({
  prefix,
  exact: sql.fragment`${value}::numeric`,
  low: sql.fragment`${low}::numeric`,
  high: sql.fragment`${high}::numeric`,
})

/** The same in another unit. */
export const converted = <Of extends Amount | Bounds>(of: Of, convert: (number: SqlFragment) => SqlFragment): Of => ({
  ...of,
  low: convert(of.low),
  high: convert(of.high),
  ...('exact' in of ? { exact: convert(of.exact) } : {}),
})

/**
 * The range of the element against the value's, by prefix. "When a comparison prefix in the set gt, lt, ge, le, sa & eb is
 * provided, the implicit precision of the number is ignored". https://hl7.org/fhir/R4/search.html#prefix
 */
export const amountTest = ({ low, high, ...outside }: Amount, { prefix, ...value }: Bounds): SqlFragment => {
  const { exact } = value
  const inside = sql.fragment`(${low} >= ${value.low} AND ${high} < ${value.high})`
  const tests: Readonly<Record<Bounds['prefix'], SqlFragment>> = {
    eq: inside,
    ne: sql.fragment`NOT ${inside}`,
    gt: sql.fragment`${high} > ${exact}`,
    lt: sql.fragment`${low} < ${exact}`,
    ge: end(high, sql.fragment`>`, exact, not(outside.highIsOutside)),
    le: end(low, sql.fragment`<`, exact, not(outside.lowIsOutside)),
    sa: end(low, sql.fragment`>`, exact, outside.lowIsOutside),
    eb: end(high, sql.fragment`<`, exact, outside.highIsOutside),
    ap: sql.fragment`(${low} < ${value.high} AND ${end(high, sql.fragment`>`, value.low, not(outside.highIsOutside))})`,
  }
  return tests[prefix]
}

const not = (outside: SqlFragment | undefined): SqlFragment =>
  outside === undefined ? sql.fragment`TRUE` : sql.fragment`NOT ${outside}`

/** Beyond the number; the number itself counts if `equal` holds. */
const end = (bound: SqlFragment, beyond: SqlFragment, exact: SqlFragment, equal: SqlFragment | undefined) =>
  equal === undefined
    ? sql.fragment`${bound} ${beyond} ${exact}`
    : sql.fragment`(${bound} ${beyond} ${exact} OR (${bound} = ${exact} AND ${equal}))`
