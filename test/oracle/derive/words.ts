import type { Definition } from '../definitions.ts'
import { hasWord, wordsOf } from '../match/words.ts'
import type { Random } from '../random.ts'
import type { World } from '../world.ts'
import { otherCase } from './token.ts'

/** Some words, in either case, and one that occurs nowhere. */
export const deriveWords = (world: World, type: string, { code }: Definition, random: Random): readonly string[] => {
  const textsOf = wordsOf[code]
  if (textsOf === undefined) return []
  const texts = world.resourcesOf(type).flatMap(textsOf)
  const words = random.some(texts, 20).flatMap(text => text.match(plainWord) ?? [])
  const chosen = random.some(words, 12).filter(word => isPlain(texts, word))
  return [...chosen.flatMap(word => [word, otherCase(word)]), 'xyzzyplugh']
}

const plainWord = /(?<![^\s(,;])[a-z]{4,20}(?=[\s),;])/g

/** Never a part of a name, an address or the like, which each server tokenizes in its own way. */
const isPlain = (texts: readonly string[], word: string): boolean => {
  const hasIt = hasWord(word)
  return texts
    .filter(hasIt)
    .flatMap(text => text.split(/[\s(),;]+/))
    .filter(hasIt)
    .every(part => part === word)
}
