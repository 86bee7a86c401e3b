import { impliedSystems } from '../match/binding.ts'
import { escapedText } from '../match/escape.ts'
import { type Token, takesPipe, tokensOf } from '../match/token.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'

/** The codes of a value in all forms of https://hl7.org/fhir/R4/search.html#token, and some that are not its own. */
export const deriveTokens = (found: Found, random: Random): readonly string[] => {
  const tokens = tokensOf(found).filter(({ code }) => code !== undefined && code !== '')
  if (tokens.length === 0) return []
  const { system, code = '' } = random.pick<Token>(tokens)
  const near = [
    escapedText(code),
    escapedText(otherCase(code)),
    `${escapedText(code)}x`,
    escapedText(code.slice(0, -1)),
  ]
  const withSystem = [
    `|${escapedText(code)}`,
    ...(isUnbound(found) ? [] : [`http://wrong.example|${escapedText(code)}`]),
    ...(system === undefined
      ? []
      : [`${escapedText(system)}|${escapedText(code)}`, `${escapedText(system)}|`, `${escapedText(system)}x|`]),
    ...(system === undefined ? [] : [`${escapedText(system)}|${escapedText(otherCase(code))}`]),
  ]
  return [...near, ...(takesPipe(found.type) ? withSystem : [])].filter(text => text !== '')
}

/** The specification does not say which system a `code` without a binding has. */
const isUnbound = (found: Found): boolean => found.type === 'code' && impliedSystems(found) === undefined

export const otherCase = (text: string): string =>
  text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase()
