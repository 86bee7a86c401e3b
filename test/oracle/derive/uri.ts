import { escapedText } from '../match/escape.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'
import { otherCase } from './token.ts'

/** https://hl7.org/fhir/R4/search.html#uri: all of it, a part, one more letter, another case. */
export const deriveUris = ({ value }: Found, _random: Random): readonly string[] => {
  if (typeof value !== 'string' || value === '') return []
  return [value, value, value.replace(/[^/]*$/, ''), `${value}x`, otherCase(value)]
    .filter(one => one !== '')
    .map(escapedText)
}
