import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import type { RowNames } from '../row.ts'
import { name, type SqlFragment, sql, word } from '../sql.ts'
import type { TokenAsked } from '../values/token.ts'
import { codesAsked, codesTest } from './code-test.ts'
import { own } from './compile-hot.ts'
import type { Driving } from './driving-code.ts'

/**
 * The observation_code rows, as `hot`, from which a search of Observations with one of several codes starts: class by class, from the index that has
 * each in the order of time, so that they can be merged as far as the page goes. An Observation occurs once for each of its classes.
 */
export type DrivingCodes = {
  /** Which of the conjuncts they answer. */
  readonly match: Expression
  readonly row: RowNames
  /** A CTE before the statement that reads them, with the numbers of the classes: `asked`. */
  readonly before: SqlFragment
  /** For each class that is merged: the condition that a row is of this class. */
  readonly parts: readonly SqlFragment[]
  /** The numbers of all classes that are asked for, as an array. */
  readonly numbers: SqlFragment
  /** The numbers of all other classes, as an array; absent if there are none. */
  readonly others?: SqlFragment
}

/** By the conjunct that names the fewest codes. */
export const drivingCodes = (
  conjuncts: readonly Expression[],
  stored: RowNames,
  classes: CodeClasses,
): DrivingCodes | undefined => {
  const fewest = fewestCodes(conjuncts)
  if (fewest === undefined) return undefined
  const { match, tokens } = fewest
  const { test, most } = codesAsked(tokens, classes)
  const merged = Math.min(most, mostMerged)
  return {
    match,
    before: sql.fragment`
      asked AS MATERIALIZED (
        SELECT coalesce(array_agg(code_id ORDER BY code_id), '{}') AS ids FROM code_class WHERE ${test}),`,
    numbers: numbersFrom(1),
    row: { ...stored, facts: hot, code: { alias: hot, class: sql.fragment`code_id = ANY(${numbersFrom(1)})` } },
    parts: Array.from(
      { length: merged },
      (_, index) => sql.fragment`hot.${own} AND hot.code_id = (SELECT ids[${word(`${index + 1}`)}] FROM asked)`,
    ),
    ...(most > merged && { others: numbersFrom(merged + 1) }),
  }
}

/** The same where only one matching row is looked for: those of all the classes together, in no order. */
export const drivingClasses = (
  conjuncts: readonly Expression[],
  stored: RowNames,
  classes: CodeClasses,
): Pick<Driving, 'match' | 'row' | 'where' | 'needsBody'> | undefined => {
  const fewest = fewestCodes(conjuncts)
  if (fewest === undefined) return undefined
  const test = codesTest(fewest.tokens, classes)
  return {
    match: fewest.match,
    row: { ...stored, facts: hot, code: { alias: hot, class: test } },
    where: sql.fragment`hot.${own} AND hot.${test}`,
    needsBody: false,
  }
}

const fewestCodes = (conjuncts: readonly Expression[]) =>
  conjuncts
    .map(match => ({ match, tokens: codesOf(match) }))
    .filter(({ tokens }) => tokens.length > 0)
    .toSorted((one, other) => one.tokens.length - other.tokens.length)
    .at(0)

const numbersFrom = (first: number): SqlFragment =>
  sql.fragment`(SELECT ids[${word(`${first}`)}:] FROM asked)::integer[]`

/** The codes of which an Observation must have one; empty if it may match in another way. */
export const codesOf = (expression: Expression): readonly TokenAsked[] => {
  if (expression.kind === 'or') {
    const each = expression.of.map(codesOf)
    return each.every(codes => codes.length > 0) ? each.flat() : []
  }
  if (expression.kind !== 'match') return []
  const { parameter, value } = expression
  const isCode = parameter.base === 'Observation' && parameter.code === 'code'
  return isCode && value.kind === 'token' && value.code !== undefined ? [{ ...value, code: value.code }] : []
}

/** Naming a kind means all its codes, of which few are ever measured. */
const mostMerged = 12

const hot = name('hot')
