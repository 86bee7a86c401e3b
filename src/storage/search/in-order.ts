import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import { namedPatients } from '../../search/named-patients.ts'
import { compilePart } from '../compile/compile.ts'
import { codesOf, type DrivingCodes, drivingCodes } from '../compile/driving-codes.ts'
import { needsNoBody } from '../compile/hot.ts'
import { indexPrefilter } from '../compile/index-prefilter.ts'
import { joinedConditions } from '../compile/joined.ts'
import type { RowNames } from '../row.ts'
import { allOf, type SqlFragment, sql } from '../sql.ts'
import { hasOnePlan } from './one-plan.ts'

/** Observations as they are read in the order of time, until a page is full. */
export type InOrder = {
  readonly from: SqlFragment
  readonly where: SqlFragment
  readonly row: RowNames
  readonly hasOnePlan: boolean
  /** Set if rows are found through their codes: each row once for each code that it has. */
  readonly codes?: DrivingCodes | undefined
}

/** What is asked of the rows, besides the conditions by which they are found. */
export type Rest = {
  readonly row: RowNames
  readonly driving: readonly SqlFragment[]
  readonly kind?: string | undefined
  readonly asked: readonly Expression[]
}

/**
 * Undefined if something else finds the rows sooner, or they come in that order anyway. Consents are checked row by row: PostgreSQL believes them to
 * be far rarer than they are, and with a join it would rather read and sort everything after the page than look at a thousand rows in their order.
 */
export const inOrderOf = (
  { row, driving, asked }: Rest,
  from: SqlFragment,
  classes: CodeClasses,
): InOrder | undefined => {
  if (!asked.every(one => isForOrder(one, row)) || asked.some(({ kind }) => kind === 'chain')) return undefined
  const codes = driving.length === 0 ? drivingCodes(asked, row, classes) : undefined
  if (codes !== undefined) {
    const rest = asked.filter(one => one !== codes.match)
    const hot = sql.fragment`observation_code AS hot`
    return {
      from: rest.every(needsNoBody) ? hot : withBody(hot),
      where: allOf([sql.fragment`TRUE`, ...joinedConditions(rest, one => alone(one, codes.row, classes))]),
      row: codes.row,
      hasOnePlan: rest.every(hasOnePlan),
      codes,
    }
  }
  if (!asked.some(({ kind }) => kind === 'consented')) return undefined
  return {
    from,
    row,
    where: allOf([sql.fragment`TRUE`, ...driving, ...joinedConditions(asked, one => alone(one, row, classes))]),
    hasOnePlan: asked.every(hasOnePlan),
  }
}

/** The same with the table of bodies, for questions that observation_code cannot answer. */
export const withBody = (hot: SqlFragment): SqlFragment =>
  sql.fragment`${hot} JOIN observation AS row ON row.patient_id = hot.patient_id AND row.pk = hot.pk`

/**
 * With a join, consents are checked for all rows before the first one is taken, and so are further codes of rows that are found by one code. Alone,
 * they are checked for one row after another, which costs more for each.
 */
export const alone = (one: Expression, row: RowNames, classes: CodeClasses): SqlFragment => {
  const condition = compilePart(one, row, classes)
  const isAlone = one.kind === 'consented' || (row.code !== undefined && codesOf(one).length > 0)
  return isAlone ? sql.fragment`(SELECT ${condition})` : condition
}

/** Whether nothing else finds the rows sooner, so that they are looked at in the order of time, be it everybody's or one patient's. */
export const isForOrder = (one: Expression, row: RowNames): boolean => {
  switch (one.kind) {
    case 'and':
    case 'or':
      return one.of.every(each => isForOrder(each, row))
    case 'not':
    case 'missing':
      return true
    case 'match':
      return namedPatients(one) === undefined && indexPrefilter(one.parameter, one.value, row) === undefined
    case 'compartment':
      return false
    default:
      return needsNoBody(one)
  }
}
