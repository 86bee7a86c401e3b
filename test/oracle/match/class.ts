import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import type { Definition } from '../definitions.ts'
import type { Found } from '../values.ts'
import { parseToken, type Token, tokenHolds, tokensOf } from './token.ts'

/**
 * `code` of an Observation means the class of a code: all spellings that our ConceptMaps call equivalent. Tests of their own check that reading of
 * the maps.
 */
export const matchClass = ({ url }: Definition): ((found: Found, text: string) => boolean) | undefined =>
  classed.has(url) ? holdsForClass : undefined

const classed = new Set([
  'http://hl7.org/fhir/SearchParameter/clinical-code',
  'http://hl7.org/fhir/SearchParameter/Observation-component-code',
  'http://hl7.org/fhir/SearchParameter/Observation-combo-code',
])

const classes = openCodeClasses()

/** What two codings must share to mean the same to a parameter. */
export const sameness = ({ url }: Definition): ((token: Token) => string) =>
  classed.has(url)
    ? ({ system, code = '' }) => classes.classOf(system, code)
    : ({ system, code }) => `${system}|${code}`

const holdsForClass = (found: Found, text: string): boolean => {
  const asked = parseToken(text)
  if (asked.code === '') return tokensOf(found).some(token => tokenHolds(token, asked))
  const { keys, anySystem } = classes.classesAsked(asked.system === '' ? null : asked.system, asked.code)
  return tokensOf(found).some(
    ({ system, code }) =>
      code !== undefined && (keys.includes(classes.classOf(system, code)) || (anySystem && code === asked.code)),
  )
}
