import type { CodeClasses } from '../fhir/code-class.ts'
import type { Expression } from '../search/expression.ts'
import type { Value } from '../search/value.ts'
import { type Compiling, patientIdOf } from './compiling.ts'
import { isHot, namesNoSystem } from './hot.ts'
import type { RowNames } from './row.ts'
import { allOf, anyOf, type SqlFragment, sql } from './sql.ts'
import { dateTest } from './values/date.ts'
import { numberTest } from './values/quantity.ts'
import { matchReference } from './values/reference.ts'
import { matchValue } from './values/value.ts'

type Match = Extract<Expression, { kind: 'match' }>
type Hot = (match: Match, at: Compiling) => SqlFragment | undefined

/** Parameters of Observation that its narrow columns and observation_code answer exactly; absent for all others. */
export const compileHotMatch: Hot = (match, at) =>
  isHot(match.parameter) ? hotMatches[match.parameter.code]?.(match, at) : undefined

const own = sql.fragment`component = 0`
const ofComponent = sql.fragment`component > 0`
const either = sql.fragment`TRUE`

const codeMatch =
  (component: SqlFragment): Hot =>
  ({ value }, at) => {
    if (value.kind !== 'token' || value.code === undefined) return undefined
    const test = codeTest(value.system, value.code, at.classes)
    const stands = someCode(at.row, allOf([component, test]))
    // The row that drives the search is often of that very class, and then nothing need be looked up.
    return component === own && at.row.code !== undefined
      ? sql.fragment`(${at.row.code.alias}.${test} OR ${stands})`
      : stands
  }

const quantityMatch =
  (component: SqlFragment): Hot =>
  ({ value }, { row }) => {
    if (value.kind !== 'quantity' || namesNoSystem(value)) return undefined
    if (component === own && row.code !== undefined) return quantityTest(sql.fragment`${row.code.alias}.`, value)
    return someCode(row, allOf([component, quantityTest(sql.fragment``, value)]))
  }

/** Code and value of one and the same element; the code is of the class, however it is spelled. */
const compositeMatch =
  (component: SqlFragment): Hot =>
  ({ value }, { row, classes }) => {
    const [first, second] = value.kind === 'composite' ? value.parts : []
    if (first?.value.kind !== 'token' || first.value.code === undefined || second === undefined) return undefined
    const code = codeTest(first.value.system, first.value.code, classes)
    const holds =
      second.value.kind === 'quantity' && !namesNoSystem(second.value)
        ? quantityTest(sql.fragment``, second.value)
        : matchValue(measured(sql.fragment`${row.row}.content`), second.parameter, second.value)
    return someCode(row, allOf([component, code, holds]))
  }

/** Where the code of an observation_code row stands: the Observation itself, or one of its components. */
const measured = (content: SqlFragment): SqlFragment =>
  sql.fragment`(CASE code.component WHEN 0 THEN ${content} ELSE ${content} -> 'component' -> (code.component - 1) END)`

const subjectMatch: Hot = ({ parameter, value }, { row }) => {
  if (value.kind !== 'reference') return undefined
  const test = sql.fragment`${row.facts}.patient_id = ${patientIdOf(value.id)}`
  if (value.type === 'Patient' || parameter.code === 'patient') return test
  const others = { ...parameter, targets: parameter.targets.filter(target => target !== 'Patient') }
  // What is about somebody or something else is in no patient's compartment.
  const other = allOf([
    sql.fragment`${row.facts}.patient_id = 0`,
    matchReference(sql.fragment`${row.row}.content`, others, value),
  ])
  return value.type === undefined ? anyOf([test, other]) : other
}

const dateMatch: Hot = ({ value }, { row }) => {
  if (value.kind !== 'date') return undefined
  const { facts } = row
  const start = sql.fragment`${facts}.effective_start`
  const end = sql.fragment`${facts}.effective_end`
  return allOf([dateTest(start, end, value), isKnown(facts), ...startBound(row, value)])
}

const hotMatches: Readonly<Record<string, Hot>> = {
  code: codeMatch(own),
  'combo-code': codeMatch(either),
  'component-code': codeMatch(ofComponent),
  patient: subjectMatch,
  subject: subjectMatch,
  date: dateMatch,
  'value-quantity': quantityMatch(own),
  'combo-value-quantity': quantityMatch(either),
  'component-value-quantity': quantityMatch(ofComponent),
  'code-value-concept': compositeMatch(own),
  'code-value-date': compositeMatch(own),
  'code-value-quantity': compositeMatch(own),
  'code-value-string': compositeMatch(own),
  'combo-code-value-concept': compositeMatch(either),
  'combo-code-value-quantity': compositeMatch(either),
  'component-code-value-concept': compositeMatch(ofComponent),
  'component-code-value-quantity': compositeMatch(ofComponent),
}

/** Without an effective time both ends are infinite; a Period may leave one of them open. */
const isKnown = (facts: SqlFragment): SqlFragment =>
  sql.fragment`NOT (${facts}.effective_start = '-infinity' AND ${facts}.effective_end = 'infinity')`

/**
 * The test may be on the end, but the index is by start: an Observation never lasts longer than the longest one stored,
 * so the start has a bound as well; none where one of them has no end, or nothing is known.
 */
const startBound = ({ facts, code }: RowNames, value: Extract<Value, { kind: 'date' }>): readonly SqlFragment[] => {
  const start = sql.fragment`${facts}.effective_start`
  if (value.prefix === 'eq') return [sql.fragment`${start} < ${value.high}::timestamptz`]
  if (value.prefix !== 'ge' && value.prefix !== 'gt') return []
  const classes = code === undefined ? sql.fragment`` : sql.fragment`WHERE ${code.class}`
  const longest = sql.fragment`(
    SELECT CASE WHEN bool_and(longest IS NOT NULL) THEN max(longest) END FROM code_duration ${classes})`
  return [sql.fragment`${start} >= coalesce(${value.low}::timestamptz - ${longest}, '-infinity')`]
}

/** Some observation_code row of the same Observation. */
const someCode = ({ facts, codes }: RowNames, holds: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM ${codes} AS code
  WHERE code.patient_id = ${facts}.patient_id AND code.pk = ${facts}.pk AND ${holds})`

/** The code's class, whichever of its spellings was asked. */
export const codeTest = (system: string | null | undefined, code: string, classes: CodeClasses): SqlFragment => {
  const { keys, anySystem } = classes.classesAsked(system, code)
  const [only] = keys
  if (!anySystem && keys.length === 1 && only !== undefined)
    return sql.fragment`code_id = (SELECT code_id FROM code_class WHERE key = ${only})`
  const bare = anySystem ? sql.fragment`OR code_class.code = ${code}` : sql.fragment``
  return sql.fragment`code_id = ANY(ARRAY(
    SELECT code_id FROM code_class WHERE key = ANY(${sql.array([...keys], 'text')}) ${bare}))`
}

const quantityTest = (alias: SqlFragment, value: Extract<Value, { kind: 'quantity' }>): SqlFragment => {
  const number = numberTest(sql.fragment`${alias}value`, value)
  const { unit } = value
  if (unit === undefined) return sql.fragment`(${alias}value IS NOT NULL AND ${number})`
  const system = unit.system === undefined ? sql.fragment`TRUE` : sql.fragment`unit.system = ${unit.system}`
  return sql.fragment`(${number} AND ${alias}unit_id = ANY(ARRAY(
    SELECT unit_id FROM unit WHERE unit.code = ${unit.code} AND ${system})))`
}
