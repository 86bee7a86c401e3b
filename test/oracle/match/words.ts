import type { Resource } from '../examples.ts'
import { folded } from './string.ts'

type TextsOf = (resource: Resource) => readonly string[]

/** Each word is looked for in every resource. */
const onceFor = (textsOf: TextsOf): TextsOf => {
  const remembered = new WeakMap<Resource, readonly string[]>()
  return resource => {
    const texts = remembered.get(resource) ?? textsOf(resource)
    remembered.set(resource, texts)
    return texts
  }
}

/** Case and accents aside; what stands in a tag is not read. */
const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [folded(value.replaceAll(/<[^>]*>|&#?\w+;/g, ' '))]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/**
 * https://hl7.org/fhir/R4/search.html#content leaves the syntax to the server. What any syntax must answer is a plain word:
 * found where it stands as a word, in the narrative or in some text of the resource, whatever its case.
 */
export const wordsOf: Readonly<Record<string, TextsOf>> = {
  _text: onceFor(({ text }) => textsIn((text as { readonly div?: string } | undefined)?.div)),
  _content: onceFor(textsIn),
}

/** Whether a text has the word, as a question that many texts are asked. */
export const hasWord = (word: string): ((text: string) => boolean) => {
  const whole = new RegExp(`(?<![\\p{L}\\p{N}])${folded(word)}(?![\\p{L}\\p{N}])`, 'u')
  return text => whole.test(text)
}
