import { FhirError } from '../fhir/error.ts'
import type { Expression } from './expression.ts'

/** Nobody needs more of them in one search, and each is work for the database. */
export const mostParameters = 500
/** Of all parameters together; the commas of `a,b,c` separate them. */
export const mostValues = 2000
/** In characters, of one that is looked for by its words: hundreds of thousands PostgreSQL reads for minutes, in which nothing stops it. */
export const longestText = 2000
/** Of one parameter, through chains and `_has`. */
export const mostHops = 20
/** The same of all parameters together. */
export const mostHopsInAll = 500

/** Again of all parameters together, each open link counted for every type that it may lead to. */
const mostLinks = 1800

/** Throws `too-costly`, with 400, for a query that is a load rather than a question. */
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

/** Adds up through how many references the questions of one search lead, and throws `too-costly`, with 400, where it is a load. */
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
