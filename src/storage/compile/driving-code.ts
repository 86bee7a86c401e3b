import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import type { Value } from '../../search/value.ts'
import type { RowNames } from '../row.ts'
import { allOf, name, type SqlFragment, sql } from '../sql.ts'
import { codeTest } from './code-test.ts'
import { isInColumns, ofComponent, own, valueTest } from './compile-hot.ts'

/** The observation_code rows from which a search of Observations starts: those of one class of codes, in order of time. */
export type Driving = {
  /** The conjunct that they answer. */
  readonly match: Expression
  readonly row: RowNames
  readonly where: SqlFragment
  readonly needsBody: boolean
  /** The kind of data to which each such Observation needs consent; undefined if the code has none. */
  readonly kind: string | undefined
}

/**
 * By the conjunct that means exactly one class of codes; one about an Observation's own code is preferred to one about a component's. The
 * alias of the rows is `hot`, and each Observation is found by one of them only.
 */
export const drivingCode = (
  conjuncts: readonly Expression[],
  stored: RowNames,
  classes: CodeClasses,
): Driving | undefined => {
  const found = conjuncts.flatMap(match => waysOf(match, classes))
  const way = found.find(({ isOwn }) => isOwn) ?? found[0]
  return way === undefined ? undefined : drivingBy(way, stored)
}

type Way = {
  readonly match: Extract<Expression, { kind: 'match' }>
  readonly component: SqlFragment
  readonly isOwn: boolean
  readonly class: SqlFragment
  readonly kind: string | undefined
}

const waysOf = (match: Expression, classes: CodeClasses): readonly Way[] => {
  if (match.kind !== 'match' || match.parameter.base !== 'Observation') return []
  const component = components[match.parameter.code]
  const { system, code } = tokenOf(match.value) ?? {}
  if (component === undefined || code === undefined) return []
  const { keys, anySystem } = classes.classesAsked(system, code)
  if (keys.length !== 1 || anySystem) return []
  const kind = classes.kindOf(system ?? undefined, code)
  return [{ match, component, isOwn: component === own, class: codeTest(system, code, classes), kind }]
}

/** The parameters whose value is a code, or a composite that begins with one, and the rows that have it. */
const components: Readonly<Record<string, SqlFragment>> = {
  code: own,
  'code-value-concept': own,
  'code-value-date': own,
  'code-value-quantity': own,
  'code-value-string': own,
  'component-code': ofComponent,
  'component-code-value-concept': ofComponent,
  'component-code-value-quantity': ofComponent,
}

const tokenOf = (value: Value): Extract<Value, { kind: 'token' }> | undefined => {
  const asked = value.kind === 'composite' ? value.parts[0]?.value : value
  return asked?.kind === 'token' ? asked : undefined
}

const drivingBy = ({ match, component, isOwn, kind, ...way }: Way, stored: RowNames): Driving => {
  const [, second] = match.value.kind === 'composite' ? match.value.parts : []
  const holdsFor = (alias: SqlFragment): SqlFragment =>
    allOf([
      sql.fragment`${alias}.${component} AND ${alias}.${way.class}`,
      ...(second === undefined ? [] : [valueTest(alias, second, stored)]),
    ])
  const first = sql.fragment`NOT EXISTS (
    SELECT FROM observation_code AS earlier
    WHERE earlier.patient_id = hot.patient_id AND earlier.pk = hot.pk AND earlier.component < hot.component
      AND earlier.effective_start = hot.effective_start
      AND ${holdsFor(name('earlier'))})`
  return {
    match,
    kind,
    row: { ...stored, facts: hot, ...(isOwn ? { code: { alias: hot, class: way.class } } : {}) },
    needsBody: second !== undefined && !isInColumns(second.value),
    where: isOwn ? holdsFor(hot) : allOf([holdsFor(hot), first]),
  }
}

const hot = name('hot')
