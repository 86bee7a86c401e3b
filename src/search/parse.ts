import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError, type Issue } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import { parseCondition } from './condition.ts'
import { all, and, type Expression } from './expression.ts'
import { type Include, includeOf, parseInclude } from './include.ts'
import { countingWork, refuseTooMany } from './limit.ts'
import { codeOf, includeNames, isIncludeName, isNeverPassedOver, isParameterOf } from './parameter-name.ts'
import { refusal } from './refusal.ts'
import {
  asksForContained,
  cursorName,
  defaultShape,
  isResultName,
  parseResultParameter,
  resultNames,
  type Shape,
} from './result-parameter.ts'
import type { Search } from './search.ts'
import { isUniversalName, parseUniversal, universalNames } from './universal-parameter.ts'
import type { ValueOptions } from './values/parse-value.ts'

type Options = ValueOptions & {
  /** lenient: unknown parameters are passed over, and named in `ignored`. */
  readonly handling?: 'strict' | 'lenient' | undefined
  /** All types that are searched together, this one among them: `_elements` and includes may name any of them. */
  readonly types?: readonly ResourceType[]
}

/** https://hl7.org/fhir/R4/search.html. Throws one FhirError with an issue for each parameter that cannot be answered. */
export const parseSearch = (
  registry: Registry,
  type: ResourceType,
  query: URLSearchParams,
  options: Options = {},
): Search => {
  const entries = [...query]
  refuseTooMany(entries)
  refuseRepeated(entries)
  const counted = countingWork()
  const clauses = collect(entries, entry => {
    const clause = parseClause(registry, type, entry, options)
    return clause.where === undefined ? clause : { ...clause, where: counted(clause.where) }
  })
  const shape: Shape = Object.assign({}, defaultShape, ...clauses.map(clause => clause.shape))
  refuseTextWithIncludes(shape, entries)
  return {
    type,
    where: and(all, ...clauses.flatMap(clause => clause.where ?? [])),
    ...consistent(shape),
    include: clauses.flatMap(clause => clause.include ?? []),
    applied: clauses.flatMap(clause => (clause.applied === undefined ? [] : [clause.applied])),
    ignored: [...new Set(clauses.flatMap(clause => clause.ignored ?? []))],
  }
}

type CriteriaOptions = ValueOptions & {
  /** Whether nothing may be asked about other resources, as in a SMART scope: a refusal then names nothing that would. */
  readonly isOfItself?: boolean
}

/** Conditions alone, as in a SMART scope or If-None-Exist. An empty query would mean everything, and is refused. */
export const parseCriteria = (
  registry: Registry,
  type: ResourceType,
  query: string | URLSearchParams,
  { isOfItself = false, ...options }: CriteriaOptions = {},
): Expression => {
  const entries = [...new URLSearchParams(query)]
  refuseTooMany(entries)
  if (entries.length === 0) throw new FhirError('invalid', `Criteria for ${type} are missing`)
  const counted = countingWork()
  const conditions = collect(entries, entry => {
    const [name] = entry
    if (isResultName(name) || isIncludeName(name))
      throw refusal(name, `"${name}" shapes an answer and cannot be a criterion`)
    if (isUniversalName(name)) throw refusal(name, `"${name}" cannot be a criterion: criteria are plain parameters`)
    refuseUnknown(registry, type, name, isOfItself ? [] : ['_has'])
    return counted(parseCondition(registry, type, entry, options))
  })
  return and(all, ...conditions)
}

type Entry = readonly [name: string, value: string]

/** What one entry of the query adds to the search. */
type Clause = {
  readonly where?: Expression
  readonly shape?: Partial<Shape>
  readonly include?: Include
  readonly applied?: Entry
  readonly ignored?: string
}

const parseClause = (registry: Registry, type: ResourceType, entry: Entry, options: Options): Clause => {
  const [name, text] = entry
  const types = options.types ?? [type]
  if (options.handling === 'lenient' && (isEmpty(name, text) || asksForContained(name, text))) return { ignored: name }
  if (isResultName(name)) {
    const { shape, applied } = parseResultParameter([name, text], { registry, type, types })
    return { shape, applied: [name, applied] }
  }
  if (isIncludeName(name)) {
    const include = includeOf(parseInclude(registry, types, entry), type)
    return { ...(include !== undefined && { include }), applied: entry }
  }
  if (isUniversalName(name)) return { where: parseUniversal(registry, type, [name, text], options), applied: entry }
  if (options.handling === 'lenient' && !isParameterOf(registry, type, name) && !isNeverPassedOver(name))
    return { ignored: name }
  refuseUnknown(registry, type, name, [...universalNames, ...resultNames, ...includeNames, '_has'])
  return { where: parseCondition(registry, type, entry, options), applied: entry }
}

/** "Empty parameters are not an error - they are just ignored by the server": only if lenient handling is asked for, since `Observation?patient=` would then find everybody's. */
const isEmpty = (name: string, text: string): boolean => text === '' && name !== cursorName

/** `others`: what is accepted besides the type's own parameters. */
const refuseUnknown = (registry: Registry, type: ResourceType, name: string, others: readonly string[]): void => {
  if (isParameterOf(registry, type, name)) return
  const later = laterNames.has(codeOf(name))
    ? `"${name}" is not supported yet`
    : `"${name}" is no search parameter of ${type}`
  const codes = registry.searchParametersOf(type).map(parameter => parameter.code)
  throw refusal(name, `${later}; supported: ${[...codes, ...others].join(', ')}`)
}

/** Parameters of the specification that this server does not support. */
export const laterNames: ReadonlySet<string> = new Set(['_query', '_score'])

const refuseRepeated = (entries: readonly Entry[]): void => {
  const names = entries.map(([name]) => name).filter(isResultName)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw refusal(twice, `"${twice}" is given more than once`)
}

/** "Note that the _include and _revinclude parameters cannot be mixed with _summary=text": https://hl7.org/fhir/R4/search.html#summary */
const refuseTextWithIncludes = ({ summary }: Shape, entries: readonly Entry[]): void => {
  const [including] = entries.find(([name, text]) => isIncludeName(name) && text !== '') ?? []
  if (summary === 'text' && including !== undefined)
    throw refusal(
      including,
      `${including} cannot be mixed with _summary=text; accepted with it: true, data, count, false`,
    )
}

const consistent = (shape: Shape): Shape => {
  const { count, total } = shape
  // "If _count has the value 0, this shall be treated the same as _summary=count".
  const summary = count === 0 ? 'count' : shape.summary
  if (shape.elements !== undefined && summary !== undefined && summary !== 'count')
    throw refusal('_elements', `_elements and _summary=${summary} each say what to serve; give one of them`)
  // A search for the count alone counts exactly, unless it asks for an estimate.
  return { ...shape, summary, total: summary === 'count' && total === 'none' ? 'accurate' : total }
}

/** Goes through all entries before it throws, so that all mistakes are told at once; only `too-costly` is thrown at once. */
const collect = <Parsed>(entries: readonly Entry[], parse: (entry: Entry) => Parsed): readonly Parsed[] => {
  const parsed: Parsed[] = []
  const issues: Issue[] = []
  for (const entry of entries) {
    try {
      parsed.push(parse(entry))
    } catch (error) {
      if (!(error instanceof FhirError) || error.issues[0].code === 'too-costly') throw error
      issues.push(...error.issues)
    }
  }
  const [first, ...others] = issues
  if (first !== undefined) throw FhirError.of([first, ...others], { status: 400 })
  return parsed
}
