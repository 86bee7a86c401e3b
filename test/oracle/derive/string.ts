import { escapedText } from '../match/escape.ts'
import { textsOf } from '../match/string.ts'
import type { Random } from '../random.ts'
import type { Found } from '../values.ts'
import { otherCase } from './token.ts'

/** As long as a line of an address may be. */
const longest = 300

/** https://hl7.org/fhir/R4/search.html#string */
export const deriveStrings = (found: Found, random: Random): readonly string[] => {
  const texts = textsOf(found).filter(text => text.trim() !== '')
  if (texts.length === 0) return []
  const text = random.pick(texts).slice(0, longest)
  const start = text.slice(0, 1 + random.below(Math.min(text.length, 12)))
  const from = random.below(text.length)
  const middle = text.slice(from, from + 1 + random.below(8))
  const word = random.pick(text.split(/\s+/).filter(one => one !== ''))
  const later = text.slice(text.indexOf(word))
  const spoken = text.replaceAll(/[-.,'()/]/g, random.pick(['', ' ', ' - ']))
  const spaced = text.replaceAll(' ', '  ')
  return [
    text,
    start,
    otherCase(start),
    otherCase(text),
    accented(start),
    middle,
    `${text}x`,
    word,
    later,
    spoken,
    spaced,
  ]
    .filter(one => one.trim() !== '')
    .map(escapedText)
}

const accented = (text: string): string => text.replace(/[aeiou]/i, letter => `${letter}\u0301`)
