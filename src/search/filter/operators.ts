import type { SearchParameter, SearchParameterType } from '../../fhir/definition/search-parameter.ts'
import type { Registry } from '../../fhir/registry.ts'
import { and, type Expression, not } from '../expression.ts'
import { matchImplied } from '../implied-system.ts'
import { modifiersOf } from '../modifier.ts'
import { splitPrefix } from '../prefix.ts'
import type { Prefix, TextOperator, Value } from '../value.ts'
import { parseModified } from '../values/modified.ts'
import { parseValue, type ValueOptions } from '../values/parse-value.ts'
import { booleanIn } from '../written-value.ts'
import { located, refusalAt, type Test } from './syntax.ts'

/** What a comparison asks of its parameter. https://hl7.org/fhir/R4/search_filter.html#ops */
export const compare = (
  registry: Registry,
  parameter: SearchParameter,
  { operator, value }: Pick<Test, 'operator' | 'value'>,
  options: ValueOptions,
): Expression => {
  const { code, type } = parameter
  const meanings = modifiersOf(parameter).includes('in') ? ofConcepts : meaningsByType[type]
  const meaning = meanings.get(operator.text)
  if (meaning !== undefined) return located(value.at, () => meaning({ registry, parameter, ...value, options }))
  const accepted = meanings.size === 0 ? 'none' : [...meanings.keys()].join(', ')
  throw refusalAt(
    operator.at,
    `"${operator.text}" does not compare the ${type} parameter "${code}"; accepted: ${accepted}`,
  )
}

type Operand = {
  readonly registry: Registry
  readonly parameter: SearchParameter
  readonly text: string
  readonly at: number
  readonly options: ValueOptions
}

type Meaning = (operand: Operand) => Expression

const match = (parameter: SearchParameter, value: Value): Expression => ({ kind: 'match', parameter, value })

/** As in any search. */
const equal: Meaning = ({ registry, parameter, text, options }) =>
  matchImplied(registry, parameter, parseValue(parameter, text, options))

/** "An item in the set has an unequal value": one among several is enough. A parameter that is a test always has exactly one value. */
const unequal: Meaning = operand => {
  const same = equal(operand)
  const { parameter } = operand
  if (parameter.paths.some(path => path.test !== undefined)) return not(same)
  return hasOneClass(parameter) ? and(not({ kind: 'missing', parameter }), not(same)) : differs(operand, same)
}

const differs = ({ parameter }: Operand, same: Expression): Expression =>
  same.kind === 'match'
    ? match(parameter, { kind: 'unequal', to: same.value })
    : and(not({ kind: 'missing', parameter }), not(same))

const prefixed =
  (prefix: Prefix): Meaning =>
  ({ parameter, text, at, options }) => {
    const written = splitPrefix(text)
    if (written.rest !== text) throw refusalAt(at, `"${written.prefix}" is a prefix; a filter has operators instead`)
    return match(parameter, parseValue(parameter, `${prefix}${text}`, options))
  }

/** For dates, `ap` tests whether they overlap; here without the margin that it usually adds. */
const overlaps: Meaning = operand => {
  const same = prefixed('eq')(operand)
  return same.kind === 'match' && same.value.kind === 'date'
    ? match(operand.parameter, { ...same.value, prefix: 'ap' })
    : same
}

/** "Values are never case sensitive", nor do accents count, as in any search for a string. */
const text =
  (operator: TextOperator): Meaning =>
  ({ parameter, text, at }) => {
    if (text === '') throw refusalAt(at, `nothing to compare "${parameter.code}" with`)
    return match(parameter, { kind: 'text', operator, text })
  }

const otherText: Meaning = operand => differs(operand, text('eq')(operand))

const present: Meaning = ({ parameter, text, at }) => {
  const missing: Expression = { kind: 'missing', parameter }
  const isAsked = booleanIn(text)
  if (isAsked !== undefined) return isAsked ? not(missing) : missing
  throw refusalAt(at, `"pr" takes true or false, not "${text}"`)
}

/** As the modifier of that name has it; if an element has several codes, one of them is enough. */
const modified =
  (modifier: 'in' | 'above' | 'below'): Meaning =>
  ({ registry, parameter, text, options }) =>
    match(parameter, parseModified(modifier, { registry, parameter, text, options }))

/** "None of the concepts", which is also true of an element without any. */
const outside: Meaning = operand => not(modified('in')(operand))

const ordered: readonly (readonly [string, Meaning])[] = [
  ...(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const).map(
    prefix => [prefix, prefixed(prefix)] as const,
  ),
  ['pr', present],
]

const parts: readonly (readonly [string, Meaning])[] = [
  ['co', text('co')],
  ['sw', text('sw')],
  ['ew', text('ew')],
  ['pr', present],
]

const plainToken: readonly (readonly [string, Meaning])[] = [
  ['eq', equal],
  ['ne', unequal],
  ['pr', present],
]

/** `ss`: "the value subsumes a concept in the set", which therefore is below it. `sb`: "the value is subsumed by" one, which is above. */
const ofConcepts: ReadonlyMap<string, Meaning> = new Map([
  ...plainToken,
  ['ss', modified('below')],
  ['sb', modified('above')],
  ['in', modified('in')],
  ['ni', outside],
])

const meaningsByType: Readonly<Record<SearchParameterType, ReadonlyMap<string, Meaning>>> = {
  string: new Map([['eq', text('eq')], ['ne', otherText], ...parts]),
  uri: new Map([['eq', equal], ['ne', unequal], ...parts]),
  token: new Map(plainToken),
  reference: new Map([
    ['eq', equal],
    ['ne', unequal],
    ['re', equal],
    ['pr', present],
  ]),
  date: new Map([...ordered, ['po', overlaps]]),
  number: new Map(ordered),
  quantity: new Map(ordered),
  composite: new Map([['eq', equal]]),
  special: new Map(),
}

/** Here a code means a whole class of codes: a coding that is spelled differently may still be of the same class. */
const hasOneClass = ({ base, code }: SearchParameter): boolean => base === 'Observation' && code === 'code'
