import type { Restricted } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Expression } from '../search/expression.ts'
import { compileHierarchy } from './compile-hierarchy.ts'
import { compileHotMatch } from './compile-hot.ts'
import { compileChain, compileHas, compileListed, compileNames, compileThere } from './compile-link.ts'
import { type Compiling, patientIdOf } from './compiling.ts'
import { indexPrefilter } from './index-prefilter.ts'
import { compileRelation } from './model/relations.ts'
import type { RowNames } from './row.ts'
import { allOf, anyOf, type SqlFragment, sql } from './sql.ts'
import { dateTest } from './values/date.ts'
import { present } from './values/element.ts'
import { matchValue } from './values/value.ts'

/** A question that has passed the gate, as a condition on the row. The only way from an Expression to SQL. */
export const compile = (expression: Restricted, row: RowNames, classes: CodeClasses): SqlFragment =>
  compilePart(expression, row, classes)

/** One of the questions that a question that has passed the gate consists of. */
export const compilePart = (expression: Expression, row: RowNames, classes: CodeClasses): SqlFragment =>
  compileExpression(expression, { row, classes, depth: 0, compile: compileExpression })

const compileExpression = (expression: Expression, at: Compiling): SqlFragment => {
  switch (expression.kind) {
    case 'all':
      return sql.fragment`TRUE`
    case 'none':
      return sql.fragment`FALSE`
    case 'and': {
      const [first, ...rest] = expression.of.map(one => compileExpression(one, at))
      return first === undefined ? sql.fragment`FALSE` : allOf([first, ...rest])
    }
    case 'or':
      return anyOf(expression.of.map(one => compileExpression(one, at)))
    case 'not':
      return sql.fragment`NOT coalesce(${compileExpression(expression.of, at)}, FALSE)`
    case 'match':
      return compileMatch(expression, at)
    case 'missing':
      return sql.fragment`NOT ${present(sql.fragment`${at.row.row}.content`, expression.parameter.paths)}`
    case 'chain':
      return compileChain(expression, at)
    case 'has':
      return compileHas(expression, at)
    case 'names':
      return compileNames(expression, at)
    case 'there':
      return compileThere(expression, at)
    case 'listed':
      return compileListed(expression, at)
    case 'hierarchy':
      return compileHierarchy(expression, at)
    case 'compartment':
      return compileCompartment(expression.id, at.row)
    case 'identified':
      return sql.fragment`${at.row.row}.id = ANY(${sql.array([...expression.ids], 'text')})`
    default:
      return compileRelation(expression, at.row)
  }
}

type Match = Extract<Expression, { kind: 'match' }>

const compileMatch = (match: Match, at: Compiling): SqlFragment => {
  const { row } = at
  const column = columnMatch(match, row) ?? compileHotMatch(match, at)
  if (column !== undefined) return column
  const decided = matchValue(sql.fragment`${row.row}.content`, match.parameter, match.value)
  const narrowed = row.indexed ? indexPrefilter(match.parameter, match.value, row) : undefined
  return narrowed === undefined ? decided : allOf([narrowed, decided])
}

/** `_id` and `_lastUpdated` stand in columns of their own. */
const columnMatch = ({ parameter, value }: Match, { row }: RowNames): SqlFragment | undefined => {
  if (parameter.code === '_id' && value.kind === 'token') return sql.fragment`${row}.id = ${value.code ?? ''}`
  if (parameter.code === '_lastUpdated' && value.kind === 'date')
    return dateTest(
      sql.fragment`${row}.last_updated`,
      sql.fragment`(${row}.last_updated + interval '1 millisecond')`,
      value,
    )
  return undefined
}

/** The one patient of the row; several patients stand in `compartment`. An Observation has one subject or none. */
const compileCompartment = (id: string, { type, facts, row }: RowNames): SqlFragment => {
  const one = sql.fragment`${facts}.patient_id = ${patientIdOf(id)}`
  if (type === 'Observation') return one
  return sql.fragment`(${one} OR (${row}.patient_id = 0 AND EXISTS (
    SELECT FROM compartment WHERE compartment.patient_id = ${patientIdOf(id)} AND compartment.pk = ${row}.pk)))`
}
