import type { SearchParameter } from '../../fhir/definition/search-parameter.ts'
import type { Concept, Part, Value } from '../../search/value.ts'
import { allOf, type SqlFragment } from '../sql.ts'
import { matchDate } from './date.ts'
import { element, someElement } from './element.ts'
import { matchNear } from './near.ts'
import { matchNumber } from './number.ts'
import { matchQuantity } from './quantity.ts'
import { matchReference } from './reference.ts'
import { matchDisplay, matchString } from './string.ts'
import { matchText, matchUnequal } from './text.ts'
import { matchConcepts, matchIdentifier, matchMime, matchOfType, matchToken } from './token.ts'
import { matchUri } from './uri.ts'
import { matchWords } from './words.ts'

/** `content` (jsonb) has the value. This decides; indexes only narrow a search down. */
export const matchValue = (content: SqlFragment, parameter: SearchParameter, value: Value): SqlFragment => {
  switch (value.kind) {
    case 'token':
      return matchToken(content, parameter, value)
    case 'display':
      return matchDisplay(content, parameter, [value.text])
    case 'identifier':
      return matchIdentifier(content, parameter, value)
    case 'of-type':
      return matchOfType(content, parameter, value)
    case 'concepts':
      return matchConcepts(content, parameter, lookedUp(value))
    case 'mime':
      return matchMime(content, parameter, value.type)
    case 'near':
      return matchNear(content, parameter, value)
    case 'reference':
    case 'url':
      return matchReference(content, parameter, value)
    case 'date':
      return matchDate(content, parameter, value)
    case 'string':
      return matchString(content, parameter, value)
    case 'number':
      return matchNumber(content, parameter, value)
    case 'quantity':
      return matchQuantity(content, parameter, value)
    case 'uri':
      return matchUri(content, parameter, value)
    case 'composite':
      return matchComposite(content, parameter, value.parts)
    case 'text':
      return matchText(content, parameter, value)
    case 'words':
      return matchWords(content, parameter, value)
    case 'unequal':
      return matchUnequal(content, parameter, (one, of) => matchValue(one, of, value.to))
  }
}

/** The codes of a question about the terminology, which must have been looked up before it becomes SQL. */
export const lookedUp = ({ asked, codes }: Extract<Value, { kind: 'concepts' }>): readonly Concept[] => {
  if (codes === undefined) throw new Error(`the concepts of ${JSON.stringify(asked)} were not looked up`)
  return codes
}

/** All parts hold for one and the same element. https://hl7.org/fhir/R4/search.html#composite */
const matchComposite = (content: SqlFragment, parameter: SearchParameter, parts: readonly Part[]): SqlFragment => {
  const [first, ...rest] = parts.map(({ parameter: part, value }) =>
    matchValue(part.ofResource === true ? content : element, part, value),
  )
  if (first === undefined) throw new Error(`composite ${parameter.code} without parts`)
  const holds = allOf([first, ...rest])
  return someElement(content, parameter.paths, () => [{ holds }])
}
