import { systems } from '../../fhir/canonical.ts'
import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import { ucumUnit } from '../../fhir/measured/ucum.ts'
import type { Value } from '../../search/value.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { element, someElement } from './element.ts'
import { type Amount, amountTest, boundsOf, converted, range } from './number.ts'

type Quantity = Extract<Value, { kind: 'quantity' }>

/** https://hl7.org/fhir/R4/search.html#quantity */
export const matchQuantity = (content: SqlFragment, parameter: SearchParameter, value: Quantity): SqlFragment =>
  someElement(content, parameter.paths, datatype => {
    const shape = shapes[datatype] ?? (quantities.has(datatype) ? quantity : undefined)
    return shape === undefined ? [] : [{ holds: allOf([shape.present, unitTest(shape, value)]) }]
  })

/** Datatypes that are one number with a unit. */
export const quantities: ReadonlySet<string> = new Set(['Quantity', 'Age', 'Duration', 'Count', 'Distance', 'Money'])

/** Where an element has its unit, for the dictionary: a Range has one at either end. */
export const unitsIn: Readonly<Record<string, readonly string[]>> = { Range: ['low', 'high'], SampledData: ['origin'] }

/** What a datatype says of its amount and unit. */
type Shape = {
  readonly present: SqlFragment
  readonly amount: Amount
  readonly system: SqlFragment
  readonly code: SqlFragment
  /** The words for people. */
  readonly words: SqlFragment
}

const child = (...path: readonly string[]): SqlFragment =>
  sql.fragment`(${element} #>> ${`{${path.join(',')}}`}::text[])`
const number = (...path: readonly string[]): SqlFragment => sql.fragment`${child(...path)}::numeric`

/** A comparator leaves one side open: `<5` is anything below 5. */
const hasComparator = (...of: readonly string[]): SqlFragment =>
  sql.fragment`coalesce(${child('comparator')} = ANY(${sql.array([...of], 'text')}), FALSE)`

const quantity: Shape = {
  present: sql.fragment`${child('value')} IS NOT NULL`,
  amount: {
    low: sql.fragment`(CASE WHEN ${hasComparator('<', '<=')} THEN '-infinity' ELSE ${number('value')} END)`,
    high: sql.fragment`(CASE WHEN ${hasComparator('>', '>=')} THEN 'infinity' ELSE ${number('value')} END)`,
    lowIsOutside: hasComparator('>'),
    highIsOutside: hasComparator('<'),
  },
  system: child('system'),
  code: child('code'),
  words: child('unit'),
}

const either = (name: string): SqlFragment => sql.fragment`coalesce(${child('low', name)}, ${child('high', name)})`

/** The samples that are numbers: `E`, `U` and `L` stand for what could not be measured. */
const samples = sql.fragment`(
  SELECT sample::numeric AS sample FROM regexp_split_to_table(${child('data')}, '\\s+') AS sample
  WHERE sample ~ '^[-+]?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]{1,3})?$' AND length(sample) <= 1000)`
const extreme = (of: SqlFragment): SqlFragment => sql.fragment`(
  SELECT ${of}(sample * coalesce(${number('factor')}, 1) + coalesce(${number('origin', 'value')}, 0))
  FROM ${samples} AS samples)`

const shapes: Readonly<Record<string, Shape>> = {
  Money: {
    ...quantity,
    system: sql.fragment`'urn:iso:std:iso:4217'`,
    code: child('currency'),
    words: sql.fragment`NULL::text`,
  },
  Range: {
    present: sql.fragment`coalesce(${child('low', 'value')}, ${child('high', 'value')}) IS NOT NULL`,
    amount: range,
    system: either('system'),
    code: either('code'),
    words: either('unit'),
  },
  // "if the value is a SampledData (just search on the bounds of the values in sampled data)"
  SampledData: {
    present: sql.fragment`EXISTS ${samples}`,
    amount: { low: extreme(sql.fragment`min`), high: extreme(sql.fragment`max`) },
    system: child('origin', 'system'),
    code: child('origin', 'code'),
    words: child('origin', 'unit'),
  },
}

const unitTest = ({ amount, system, code, words }: Shape, value: Quantity): SqlFragment => {
  const { unit } = value
  const plain = amountTest(amount, boundsOf(value))
  if (unit === undefined) return plain
  if (unit.system === undefined)
    return allOf([anyOf([sql.fragment`${code} = ${unit.code}`, sql.fragment`${words} = ${unit.code}`]), plain])
  const same = allOf([sql.fragment`${system} = ${unit.system}`, sql.fragment`${code} = ${unit.code}`, plain])
  const other = convertedTest(amount, value)
  if (other === undefined) return same
  return anyOf([
    same,
    sql.fragment`(${system} = ${systems.ucum} AND ${code} <> ${unit.code} AND EXISTS (
      SELECT FROM unit WHERE unit.key = ${system} || '|' || ${code} AND ${other}))`,
  ])
}

/**
 * Compares the amount, in the unit of the row `unit`, with the value in its own unit: both are converted to base units, by exact fractions. Undefined
 * if the value's unit cannot be converted.
 */
export const convertedTest = (amount: Amount, value: Quantity): SqlFragment | undefined => {
  const asked = value.unit?.system === systems.ucum ? ucumUnit(value.unit.code) : undefined
  if (asked === undefined) return undefined
  const bounds = converted(
    boundsOf(value),
    bound => sql.fragment`((${bound} + ${asked.shift}::numeric) * ${asked.numerator}::numeric * unit.denominator)`,
  )
  const inBase = converted(
    amount,
    bound => sql.fragment`((${bound} + unit.shift) * unit.numerator * ${asked.denominator}::numeric)`,
  )
  return allOf([sql.fragment`unit.dimension = ${asked.dimension}`, amountTest(inBase, bounds)])
}
