import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import { FhirError } from '../fhir/error.ts'
import type { Expression } from './expression.ts'
import { isIncludeName } from './parameter-name.ts'
import type { Value } from './value.ts'

/** Nobody needs more parameters in one search, and each is work for the database. Those that include something are counted apart. */
export const mostParameters = 100
/** A client may ask for all that a type advertises, which are nearly two hundred. */
export const mostIncludes = 400
/** Each of up to fifty comparisons, which may stand in any order. */
export const mostFilters = 10
/** In all parameters together; the commas of `a,b,c` separate values. */
export const mostValues = 2000
/** In characters, for `_text` and `_content`: PostgreSQL would parse hundreds of thousands for minutes, and nothing could stop it. */
export const longestText = 2000
/** References that one parameter leads through, by chains and `_has`. */
export const mostHops = 20
/** References that all parameters together lead through. */
export const mostHopsInAll = 500

/** The same, where a link that names no type is counted once for every type that it may lead to. */
const mostLinks = 500

/** What values may weigh that PostgreSQL plans one by one, in all parameters together. Planning a thousand quantities takes minutes. */
const mostWeight = 1000
/** The same for people. */
export const mostWeighed =
  '1000 dates, 500 texts (50 in all `_filter` together), 250 composites, 100 quantities, or as much of several'

/** Throws `too-costly`, with 400, for a query beyond these limits. */
export const refuseTooMany = (entries: readonly (readonly [name: string, value: string])[]): void => {
  const includes = entries.filter(([name]) => isIncludeName(name)).length
  const parameters = entries.length - includes
  if (parameters > mostParameters)
    throw tooCostly(`A search has at most ${mostParameters} parameters, not ${parameters}`)
  if (includes > mostIncludes)
    throw tooCostly(`A search has at most ${mostIncludes} _include and _revinclude, not ${includes}`)
  const filters = entries.filter(([name]) => name === '_filter').length
  if (filters > mostFilters) throw tooCostly(`A search has at most ${mostFilters} _filter, not ${filters}`)
  const hops = entries.map(([name]) => name.split(/\.|(?<=_has):/).length - 1)
  if (hops.some(one => one > mostHops)) throw tooCostly(`A parameter leads through at most ${mostHops} references`)
  if (hops.reduce((sum, one) => sum + one, 0) > mostHopsInAll)
    throw tooCostly(`A search leads through at most ${mostHopsInAll} references in all: ask in parts`)
  const values = entries.reduce((sum, [, value]) => sum + value.split(',').length, 0)
  if (values > mostValues) throw tooCostly(`A search has at most ${mostValues} values, not ${values}: ask in parts`)
}

/** Hands the questions of one search on, adding up their links and what their values weigh; throws `too-costly`, with 400, when there are too many. */
export const countingWork = (): ((question: Expression) => Expression) => {
  let [links, weight] = [0, 0]
  return question => {
    links += linksIn(question)
    weight += sumOf(question, one => (one.kind === 'match' ? weightOf(one.parameter, one.value) : 0))
    if (links > mostLinks)
      throw tooCostly(
        `A search leads through at most ${mostLinks} references in all, each counted for every type that it may lead to: name the types, as in subject:Patient, or ask in parts`,
      )
    if (weight > mostWeight)
      throw tooCostly(
        `A search compares with at most ${mostWeighed}: ask in parts, and name the types of references, as in Patient/1`,
      )
    return question
  }
}

const linksIn = (question: Expression): number =>
  sumOf(question, ({ kind }) => (kind === 'chain' || kind === 'has' || kind === 'hierarchy' ? 1 : 0))

/** Of a question and all within it. */
const sumOf = (question: Expression, of: (one: Expression) => number): number => {
  switch (question.kind) {
    case 'and':
    case 'or':
      return question.of.reduce((sum, one) => sum + sumOf(one, of), 0)
    case 'not':
    case 'chain':
    case 'has':
    case 'hierarchy':
      return of(question) + sumOf(question.of, of)
    default:
      return of(question)
  }
}

const weightOf = (parameter: SearchParameter, value: Value): number => {
  switch (value.kind) {
    case 'unequal':
      return 10 + weightOf(parameter, value.to)
    case 'reference':
      // A bare id is looked for as one of every type that it may be of.
      return value.type === undefined ? Math.floor(parameter.targets.length / 4) : 0
    default:
      return weights[value.kind] ?? 0
  }
}

/** The values of other kinds are compared all at once. */
const weights: Readonly<Partial<Record<Value['kind'], number>>> = {
  date: 1,
  string: 2,
  // Of a `_filter`: asked of each row that nothing else has left out.
  text: 20,
  uri: 2,
  'of-type': 2,
  composite: 4,
  words: 5,
  number: 10,
  quantity: 10,
  identifier: 12,
}

const tooCostly = (message: string): FhirError => new FhirError('too-costly', message, { status: 400 })
