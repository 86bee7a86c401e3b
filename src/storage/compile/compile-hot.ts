import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { ucumUnit } from '../../fhir/measured/ucum.ts'
import type { Expression } from '../../search/expression.ts'
import type { Part, Value } from '../../search/value.ts'
import { compartmentOf } from '../model/reference.ts'
import { unitOfRanges } from '../prepare/observation-facts.ts'
import type { RowNames } from '../row.ts'
import { allOf, anyOf, type SqlFragment, sql } from '../sql.ts'
import { dateTest } from '../values/date.ts'
import { amountTest, boundsOf, exactly } from '../values/number.ts'
import { convertedTest } from '../values/quantity.ts'
import { matchReference } from '../values/reference.ts'
import type { TokenAsked } from '../values/token.ts'
import { lookedUp, matchValue } from '../values/value.ts'
import { codesTest, codeTest } from './code-test.ts'
import type { Compiling } from './compiling.ts'
import { isHot, namesNoSystem } from './hot.ts'

type Match = Extract<Expression, { kind: 'match' }>
type Hot = (match: Match, at: Compiling) => SqlFragment | undefined

/** A condition that the narrow columns and observation_code answer exactly; undefined if they do not. */
export const compileHotMatch: Hot = (match, at) =>
  isHot(match.parameter) ? hotMatches[match.parameter.code]?.(match, at) : undefined

/** Which observation_code rows: the one of the Observation's own code, those of its components, or either. */
export const own = sql.fragment`component = 0`
export const ofComponent = sql.fragment`component > 0`
const either = sql.fragment`TRUE`

const codeMatch =
  (component: SqlFragment): Hot =>
  ({ value }, at) => {
    if (value.kind === 'unequal') return otherCode(component, value.to, at)
    const test = codeValueTest(value, at.classes)
    return test && codeStands(component, test, at)
  }

const codeStands = (component: SqlFragment, test: SqlFragment, { row }: Compiling): SqlFragment => {
  const stands = someCode(row, allOf([component, test]))
  // The observation_code row by which the search found the Observation is often of that very class, and then nothing is looked up.
  return component === own && row.code !== undefined ? sql.fragment`(${row.code.alias}.${test} OR ${stands})` : stands
}

/**
 * The Observation has one of the codes; undefined for a parameter that is no code. With the CASE, PostgreSQL may first find the rows that have such
 * a code. Without it, it would look up the codes of one row after another, even if hardly any row has one of these.
 */
export const compileHotCodes = (
  { code }: SearchParameter,
  tokens: readonly TokenAsked[],
  at: Compiling,
): SqlFragment | undefined => {
  const component = codeParameters[code]
  const stands = component && codeStands(component, codesTest(tokens, at.classes), at)
  return stands && sql.fragment`CASE WHEN ${stands} THEN TRUE ELSE FALSE END`
}

/** Some element with a code is not of the class. The body is asked which elements there are, since one with a text alone has no row in observation_code. */
const otherCode = (component: SqlFragment, to: Value, { row, classes }: Compiling): SqlFragment | undefined => {
  const test = codeValueTest(to, classes)
  if (test === undefined) return undefined
  const content = sql.fragment`${row.row}.content`
  const same = someCode(row, allOf([sql.fragment`code.component = coded.component`, test]))
  return sql.fragment`EXISTS (
    SELECT FROM (
      SELECT 0 AS component, ${content} -> 'code' AS code
      UNION ALL
      SELECT part.position, part.value -> 'code'
      FROM jsonb_array_elements(${content} -> 'component') WITH ORDINALITY AS part(value, position)) AS coded
    WHERE ${component} AND coded.code IS NOT NULL AND NOT ${same})`
}

/** Undefined if only the body can tell. */
const codeValueTest = (value: Value, classes: CodeClasses): SqlFragment | undefined => {
  if (value.kind === 'token' && value.code !== undefined) return codeTest(value.system, value.code, classes)
  if (value.kind !== 'concepts') return undefined
  const keys = new Set(lookedUp(value).map(({ system, code }) => classes.classOf(system, code)))
  return sql.fragment`code_id = ANY(ARRAY(
    SELECT code_id FROM code_class WHERE key = ANY(${sql.array([...keys], 'text')})))`
}

const quantityMatch =
  (component: SqlFragment): Hot =>
  ({ parameter, value }, { row }) => {
    if (value.kind !== 'quantity' || namesNoSystem(value)) return undefined
    if (component === own && row.code !== undefined)
      return quantityTest({ code: row.code.alias, row, parameter: atElement(parameter) }, value)
    return someValue(row, allOf([component, quantityTest({ code, row, parameter: atElement(parameter) }, value)]))
  }

/** The parameter as its element has it: `Observation.component.value[x]` becomes `value[x]`. */
const atElement = (parameter: SearchParameter): SearchParameter => ({
  ...parameter,
  paths: parameter.paths.map(path => ({ ...path, steps: path.steps.slice(-1) })),
})

/** Code and value of one and the same element; the code may be spelled in any way of its class. */
const compositeMatch =
  (component: SqlFragment): Hot =>
  ({ value }, { row, classes }) => {
    const [first, second] = value.kind === 'composite' ? value.parts : []
    if (first?.value.kind !== 'token' || first.value.code === undefined || second === undefined) return undefined
    const test = codeTest(first.value.system, first.value.code, classes)
    return someCode(row, allOf([component, test, valueTest(code, second, row)]))
  }

/** The second part of a composite holds for the element that an observation_code row, under this alias, is about. */
export const valueTest = (code: SqlFragment, { parameter, value }: Part, row: RowNames): SqlFragment =>
  isInColumns(value)
    ? quantityTest({ code, row, parameter }, value)
    : matchValue(elementOf(code, sql.fragment`${row.row}.content`), parameter, value)

/** Whether the columns answer it without the body. */
export const isInColumns = (value: Value): value is Extract<Value, { kind: 'quantity' }> =>
  value.kind === 'quantity' && !namesNoSystem(value)

/** What an observation_code row is about: the whole Observation, or one of its components. */
const elementOf = (code: SqlFragment, content: SqlFragment): SqlFragment =>
  sql.fragment`(CASE ${code}.component WHEN 0 THEN ${content}
    ELSE ${content} -> 'component' -> (${code}.component - 1) END)`

const subjectMatch: Hot = ({ parameter, value }, { row }) => {
  if (value.kind !== 'reference') return undefined
  const test = sql.fragment`${row.facts}.patient_id = ${compartmentOf(value.id)}`
  if (value.type === 'Patient' || parameter.code === 'patient') return test
  const others = { ...parameter, targets: parameter.targets.filter(target => target !== 'Patient') }
  // An Observation about anything but a Patient is in no compartment.
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

const codeParameters: Readonly<Record<string, SqlFragment>> = {
  code: own,
  'combo-code': either,
  'component-code': ofComponent,
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

/** Without an effective time, both ends are infinite; a Period may leave only one of them open. */
const isKnown = (facts: SqlFragment): SqlFragment =>
  sql.fragment`NOT (${facts}.effective_start = '-infinity' AND ${facts}.effective_end = 'infinity')`

/**
 * A bound on the start, by which the index is ordered, where the test is on the end: no Observation starts earlier than the longest stored
 * duration before that. There is no bound if one of them has no end.
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

const code = sql.fragment`code`

/**
 * Some observation_code row of the same Observation, where `holds` asks about the class. With the time, which it shares with the Observation, the
 * index by patient, class and time leads to that very row; by patient and pk alone, PostgreSQL would look at all that the patient has of the class.
 */
const someCode = ({ facts, codes }: RowNames, holds: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM ${codes} AS code
  WHERE code.patient_id = ${facts}.patient_id AND code.effective_start = ${facts}.effective_start AND code.pk = ${facts}.pk AND ${holds})`

/** Some observation_code row of the same Observation, of any class. By pk alone: with the patient, PostgreSQL would look at all that the patient has. */
const someValue = ({ facts, codes }: RowNames, holds: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (SELECT FROM ${codes} AS code WHERE code.pk = ${facts}.pk AND ${holds})`

/** An observation_code row by its alias, and the parameter as its element has it. */
type Measure = { readonly code: SqlFragment; readonly row: RowNames; readonly parameter: SearchParameter }

/**
 * The amount is compared by the row alone if it is in the unit that is asked for, by the dictionary of units if it is in another unit of the
 * same dimension, and by the body if it is no single number.
 */
const quantityTest = (measure: Measure, value: Extract<Value, { kind: 'quantity' }>): SqlFragment => {
  const { code } = measure
  const amount = exactly(sql.fragment`${code}.value`)
  const plain = amountTest(amount, boundsOf(value))
  const { unit } = value
  if (unit === undefined) return sql.fragment`((${code}.value IS NOT NULL AND ${plain}) OR ${byBody(measure, value)})`
  const sameUnit = sql.fragment`unit.key = ${`${unit.system}|${unit.code}`}`
  const same = sql.fragment`(${code}.unit_id = (SELECT unit_id FROM unit WHERE ${sameUnit}) AND ${plain})`
  const converted = convertedTest(amount, value)
  const other =
    converted === undefined
      ? []
      : [
          sql.fragment`(${code}.unit_id = ANY(ARRAY(
            SELECT unit_id FROM unit WHERE unit.dimension = ${ucumUnit(unit.code)?.dimension ?? ''} AND NOT ${sameUnit}))
            AND EXISTS (SELECT FROM unit WHERE unit.unit_id = ${code}.unit_id AND ${converted}))`,
        ]
  return anyOf([same, ...other, byBody(measure, value)])
}

/** Only the body can tell of `<5`, and of SampledData. */
const byBody = ({ code, row, parameter }: Measure, value: Value): SqlFragment => {
  const bodies = row.indexed ? sql.fragment`observation` : sql.fragment`entry`
  const content = elementOf(code, sql.fragment`measured.content`)
  return sql.fragment`(${code}.unit_id = ${unitOfRanges} AND EXISTS (
    SELECT FROM ${bodies} AS measured WHERE measured.patient_id = ${code}.patient_id AND measured.pk = ${code}.pk
      AND ${matchValue(content, parameter, value)}))`
}
