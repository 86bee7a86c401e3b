import { FhirError } from '../fhir/error.ts'
import type { Expression } from './expression.ts'

/** Nobody needs more parameters in one search, and each is work for the database. */
export const mostParameters = 500
/** In all parameters together; the commas of `a,b,c` separate values. */
export const mostValues = 2000
/** In characters, for `_text` and `_content`: PostgreSQL would parse hundreds of thousands for minutes, and nothing could stop it. */
export const longestText = 2000
/** References that one parameter leads through, by chains and `_has`. */
export const mostHops = 20
/** References that all parameters together lead through. */
export const mostHopsInAll = 500

/** The same, where a link that names no type is counted once for every type that it may lead to. */
const mostLinks = 1800

/** Throws `too-costly`, with 400, for a query beyond these limits. */
export const refuseTooMany = (entries: readonly (readonly [name: string, value: string])[]): void => {
  if (entries.length > mostParameters) {
    throw tooCostly(`A search has at most ${mostParameters} parameters, not ${entries.length}`)
  }
  const hops = entries.map(([name]) => name.split(/\.|(?<=_has):/).length - 1)
  if (hops.some(one => one > mostHops)) throw tooCostly(`A parameter leads through at most ${mostHops} references`)
  if (hops.reduce((sum, one) => sum + one, 0) > mostHopsInAll)
    throw tooCostly(`A search leads through at most ${mostHopsInAll} references in all: ask in parts`)
  const values = entries.reduce((sum, [, value]) => sum + value.split(',').length, 0)
  if (values > mostValues) throw tooCostly(`A search has at most ${mostValues} values, not ${values}: ask in parts`)
}

/** Hands the questions of one search on, adding up their links; throws `too-costly`, with 400, when there are too many. */
export const countingLinks = (): ((question: Expression) => Expression) => {
  let links = 0
  return question => {
    links += linksIn(question)
    if (links > mostLinks)
      throw tooCostly(
        `A search leads through at most ${mostLinks} references in all, each counted for every type that it may lead to: name the types, as in subject:Patient, or ask in parts`,
      )
    return question
  }
}

const linksIn = (question: Expression): number => {
  switch (question.kind) {
    case 'and':
    case 'or':
      return question.of.reduce((sum, one) => sum + linksIn(one), 0)
    case 'not':
      return linksIn(question.of)
    case 'chain':
    case 'has':
    case 'hierarchy':
      return 1 + linksIn(question.of)
    default:
      return 0
  }
}

const tooCostly = (message: string): FhirError => new FhirError('too-costly', message, { status: 400 })
