import type { Restricted } from '../../access/access.ts'
import { subjectParameters } from '../../access/patient-compartment.ts'
import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { conjuncts, type Expression } from '../../search/expression.ts'
import { isGroupMember } from '../../search/stored-elsewhere.ts'
import { recordHas, recordLastUpdated, recordTest } from '../audit/shown/record-test.ts'
import { recordedKey } from '../audit/shown/recorded-key.ts'
import { isOfSeveral } from '../audit/shown/several.ts'
import { compartmentOf } from '../model/reference.ts'
import { compileMember } from '../model/relation/member.ts'
import { compileRelation } from '../model/relation/relations.ts'
import { withoutMembers } from '../model/without-members.ts'
import { type RowNames, typeIdOf } from '../row.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { millisecondTest } from '../values/date.ts'
import { present } from '../values/element.ts'
import { matchDisplay } from '../values/string.ts'
import { matchValue } from '../values/value.ts'
import { compileHierarchy } from './compile-hierarchy.ts'
import { compileHotMatch } from './compile-hot.ts'
import {
  compileChain,
  compileHas,
  compileListed,
  compileNames,
  compileThere,
  patientsOf,
  targetThere,
} from './compile-link.ts'
import { compileTokens, isToken } from './compile-tokens.ts'
import { compileUploaded } from './compile-uploaded.ts'
import type { Compiling } from './compiling.ts'
import { eitherPrefilter, indexPrefilter } from './index-prefilter.ts'
import { joinedConditions } from './joined.ts'

/** A question that has passed the gate, as a condition on the row: the only way from an Expression to SQL. */
export const compile = (expression: Restricted, row: RowNames, classes: CodeClasses): SqlFragment =>
  compilePart(expression, row, classes)

/** A part of a question that has passed the gate. */
export const compilePart = (expression: Expression, row: RowNames, classes: CodeClasses): SqlFragment =>
  compileExpression(expression, { row, classes, depth: 0, compile: compileExpression })

/** A query of the patient_id of each Patient to whom a chain leads. */
export const compilePatients = (
  chain: Extract<Expression, { kind: 'chain' }>,
  row: RowNames,
  classes: CodeClasses,
): SqlFragment => patientsOf(chain, { row, classes, depth: 0, compile: compileExpression })

const compileExpression = (expression: Expression, at: Compiling): SqlFragment => {
  switch (expression.kind) {
    case 'all':
      return sql.fragment`TRUE`
    case 'none':
      return sql.fragment`FALSE`
    case 'and': {
      const asked = conjuncts(expression)
      const isOfOne = asked.some(one => one.kind === 'content' && one.is === 'of-one-patient')
      const [first, ...rest] = joinedConditions(asked, one =>
        isOfOne && one.kind === 'compartment' ? compileOwn(one.id, at.row) : compileExpression(one, at),
      )
      return first === undefined ? sql.fragment`FALSE` : allOf([first, ...rest])
    }
    case 'or': {
      const ids = idsAsked(expression.of)
      return ids === undefined ? compileEither(expression.of, at) : isOneOf(ids, at.row)
    }
    case 'not':
      return sql.fragment`NOT coalesce(${compileExpression(expression.of, at)}, FALSE)`
    case 'match':
      return compileMatch(expression, at)
    case 'missing':
      return compileMissing(expression.parameter, at.row)
    case 'chain':
      return compileChain(expression, at)
    case 'has':
      return compileHas(expression, at)
    case 'names':
      return compileNames(expression, at)
    case 'uploaded':
      return compileUploaded(expression, at)
    case 'there':
      return compileThere(expression, at)
    case 'listed':
      return compileListed(expression, at)
    case 'hierarchy':
      return compileHierarchy(expression, at)
    case 'compartment':
      return compileCompartment(expression.id, at.row)
    case 'identified':
      return isOneOf(expression.ids, at.row)
    default:
      return compileRelation(expression, at.row)
  }
}

/** If all alternatives are links, it is first asked whether any of them leads anywhere at all; within the OR, that would be asked of each row. */
const compileEither = (of: readonly Expression[], at: Compiling): SqlFragment => {
  const any = anyOf(alternatives(of, at))
  const there = of.flatMap(one => targetThere(one, at) ?? [])
  return of.length > 1 && there.length === of.length ? allOf([anyOf(there), any]) : any
}

/** Roles in the same organization are asked for together, and so are tokens, their texts, dates and strings of the same parameter. */
const alternatives = (of: readonly Expression[], at: Compiling): readonly SqlFragment[] =>
  [...Map.groupBy(of, one => togetherBy(one, at)).values()].flatMap(group => compileTogether(group, at))

const togetherBy = (one: Expression, at: Compiling): unknown => {
  if (one.kind === 'member') return one.of
  if (isDisplay(one, at)) return `the texts of ${one.parameter.code}`
  return isToken(one, at.row) || isListable(one) ? one.parameter : one
}

type DisplayMatch = Match & { readonly value: { readonly kind: 'display' } }

/** Whether the content alone decides about a `:text`. */
const isDisplay = (one: Expression, at: Compiling): one is DisplayMatch =>
  one.kind === 'match' &&
  one.value.kind === 'display' &&
  at.row.recorded === undefined &&
  compileHotMatch(one, at) === undefined

/** Whether the indexes of dates and strings may know it. `_lastUpdated` is in none of them. */
const isListable = (one: Expression): one is Match =>
  one.kind === 'match' &&
  (one.value.kind === 'string' || (one.value.kind === 'date' && one.parameter.code !== '_lastUpdated'))

const compileTogether = (group: readonly Expression[], at: Compiling): readonly SqlFragment[] => {
  const [first, ...others] = group.filter(one => one.kind === 'member')
  if (first !== undefined && others.length > 0) return [compileMember([first, ...others], at.row)]
  const [display, ...displays] = group.filter(one => isDisplay(one, at))
  if (display !== undefined) {
    const { parameter, value } = display
    const texts = [value, ...displays.map(other => other.value)].map(({ text }) => text)
    return [matchDisplay(contentAsked(parameter, at.row.row), parameter, texts)]
  }
  const tokens = group.filter(one => isToken(one, at.row))
  const together = tokens.length > 1 ? compileTokens(tokens, at) : undefined
  if (together !== undefined) return [together]
  const each = group.map(one => compileExpression(one, at))
  const listed = group.length > 1 && group.every(isListable) ? eitherPrefilter(group, at.row) : undefined
  return listed === undefined ? each : [allOf([listed, anyOf(each)])]
}

/** What has no patient as its subject stands under the number 0, which the keys begin with. */
const compileMissing = (parameter: SearchParameter, names: RowNames): SqlFragment => {
  const missing = sql.fragment`NOT ${compilePresent(parameter, names)}`
  return names.indexed && saysWhose(parameter, names)
    ? sql.fragment`(${names.facts}.patient_id = 0 AND ${missing})`
    : missing
}

/** Provenances of uploads belong to a patient whom their content does not name. */
const saysWhose = ({ code }: SearchParameter, { type }: RowNames): boolean =>
  type !== 'Provenance' && (subjectParameters(type).includes(code) || (type === 'Observation' && code === 'patient'))

const compilePresent = (parameter: SearchParameter, { row, recorded }: RowNames): SqlFragment => {
  const decided = present(contentAsked(parameter, row), parameter.paths)
  return recorded ? recordHas(parameter, row, decided) : decided
}

/** Members that are not served are not found either. */
const contentAsked = (parameter: SearchParameter, row: SqlFragment): SqlFragment =>
  isGroupMember(parameter) ? withoutMembers(row, sql.fragment`${row}.id`) : sql.fragment`${row}.content`

type Match = Extract<Expression, { kind: 'match' }>

const compileMatch = (match: Match, at: Compiling): SqlFragment => {
  const { row } = at
  const id = idAsked(match)
  if (id !== undefined) return isOneOf([id], row)
  const column = columnMatch(match, row) ?? compileHotMatch(match, at)
  if (column !== undefined) return column
  const decided = matchValue(contentAsked(match.parameter, row.row), match.parameter, match.value)
  if (row.recorded) return recordTest(match, row.row, decided)
  const narrowed = row.indexed ? indexPrefilter(match.parameter, match.value, row) : undefined
  return narrowed === undefined ? decided : allOf([narrowed, decided])
}

/** `_lastUpdated` has a column of its own. */
const columnMatch = ({ parameter, value }: Match, { row, recorded }: RowNames): SqlFragment | undefined => {
  if (parameter.code !== '_lastUpdated' || value.kind !== 'date') return undefined
  return recorded ? recordLastUpdated(value, row) : millisecondTest(sql.fragment`${row}.last_updated`, value)
}

const idAsked = ({ parameter, value }: Match): string | undefined =>
  parameter.code === '_id' && value.kind === 'token' ? (value.code ?? '') : undefined

/** The ids of `_id=a,b`; undefined if anything else is asked for. */
const idsAsked = (of: readonly Expression[]): readonly string[] | undefined => {
  const ids = of.flatMap(one => (one.kind === 'match' ? (idAsked(one) ?? []) : []))
  return ids.length > 0 && ids.length === of.length ? ids : undefined
}

/**
 * The tables have no index by id; `resource_identity`, by which resources of all types are found, has one. The ids of AuditEvents that are made from
 * records say their keys.
 */
const isOneOf = (ids: readonly string[], { type, row, indexed, recorded }: RowNames): SqlFragment => {
  const asked = sql.array([...ids], 'text')
  const test = sql.fragment`${row}.id = ANY(${asked})`
  if (recorded) {
    const keys = ids.flatMap(id => recordedKey(id)?.toString() ?? [])
    return sql.fragment`(${test} AND ${row}.pk = ANY(${sql.array(keys, 'int8')} || ARRAY(
      SELECT identity.pk FROM resource_identity AS identity
      WHERE identity.type_id = ${typeIdOf(type)} AND identity.id = ANY(${asked}))))`
  }
  return indexed
    ? sql.fragment`(${test} AND (${row}.patient_id, ${row}.pk) IN (
        SELECT identity.patient_id, identity.pk FROM resource_identity AS identity
        WHERE identity.type_id = ${typeIdOf(type)}
          AND identity.id = ANY(${asked})))`
    : test
}

/** It is data of this patient alone. Unlike a condition that also asks about several patients, this can use an index in its order. */
const compileOwn = (id: string, { facts }: RowNames): SqlFragment =>
  sql.fragment`${facts}.patient_id = ${compartmentOf(id)}`

/** The row's column has its patient; if it has several, these are in `compartments`. An Observation never has several. */
const compileCompartment = (id: string, names: RowNames): SqlFragment => {
  const { type, row, compartments } = names
  const patientId = compartmentOf(id)
  const one = compileOwn(id, names)
  if (type === 'Observation') return one
  const several = sql.fragment`EXISTS (
    SELECT FROM ${compartments} AS compartment WHERE compartment.patient_id = ${patientId} AND compartment.pk = ${row}.pk)`
  const any = type === 'AuditEvent' ? anyOf([several, isOfSeveral(row, patientId)]) : several
  return sql.fragment`(${one} OR (${row}.patient_id = 0 AND ${any}))`
}
