import type { SearchParameter } from '../../fhir/search-parameter.ts'
import type { Value } from '../../search/value.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { element, elementText, someElement } from './element.ts'

type Numeric = Extract<Value, { kind: 'number' | 'quantity' }>

/** https://hl7.org/fhir/R4/search.html#number */
export const matchNumber = (content: SqlFragment, parameter: SearchParameter, value: Numeric): SqlFragment =>
  someElement(content, parameter.paths, datatype =>
    datatype === 'Range' ? [] : [{ holds: numberTest(sql.fragment`${elementText}::numeric`, value) }],
  )

/** https://hl7.org/fhir/R4/search.html#quantity */
export const matchQuantity = (
  content: SqlFragment,
  parameter: SearchParameter,
  value: Extract<Value, { kind: 'quantity' }>,
): SqlFragment =>
  someElement(content, parameter.paths, datatype =>
    quantities.has(datatype)
      ? [
          {
            holds: allOf([
              numberTest(sql.fragment`(${element} ->> 'value')::numeric`, value),
              unitTest(datatype, value),
            ]),
          },
        ]
      : [],
  )

export const quantities: ReadonlySet<string> = new Set(['Quantity', 'Age', 'Duration', 'Count', 'Distance', 'Money'])

const unitTest = (datatype: string, { unit }: Extract<Value, { kind: 'quantity' }>): SqlFragment => {
  if (unit === undefined) return sql.fragment`TRUE`
  if (datatype === 'Money') return sql.fragment`${element} ->> 'currency' = ${unit.code}`
  if (unit.system !== undefined)
    return sql.fragment`(${element} ->> 'system' = ${unit.system} AND ${element} ->> 'code' = ${unit.code})`
  return anyOf([sql.fragment`${element} ->> 'code' = ${unit.code}`, sql.fragment`${element} ->> 'unit' = ${unit.code}`])
}

/** A number that is exact against a value that is as precise as it is written. */
export const numberTest = (number: SqlFragment, { prefix, value, low, high }: Numeric): SqlFragment => {
  const exact = sql.fragment`${value}::numeric`
  const inside = sql.fragment`(${number} >= ${low}::numeric AND ${number} < ${high}::numeric)`
  const tests: Readonly<Record<Numeric['prefix'], SqlFragment>> = {
    eq: inside,
    ne: sql.fragment`NOT ${inside}`,
    gt: sql.fragment`${number} > ${exact}`,
    lt: sql.fragment`${number} < ${exact}`,
    ge: sql.fragment`${number} >= ${exact}`,
    le: sql.fragment`${number} <= ${exact}`,
    sa: sql.fragment`${number} >= ${high}::numeric`,
    eb: sql.fragment`${number} < ${low}::numeric`,
    ap: inside,
  }
  return tests[prefix]
}
