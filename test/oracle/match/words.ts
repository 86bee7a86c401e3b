import type { Resource } from '../examples.ts'
import { folded } from './string.ts'

type TextsOf = (resource: Resource) => readonly string[]

/** Each word is searched for in every resource. */
const onceFor = (textsOf: TextsOf): TextsOf => {
  const remembered = new WeakMap<Resource, readonly string[]>()
  return resource => {
    const texts = remembered.get(resource) ?? textsOf(resource)
    remembered.set(resource, texts)
    return texts
  }
}

/** Ignores case and accents, and leaves out what is inside a tag. */
const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [folded(value.replaceAll(/<[^>]*>|&#?\w+;/g, ' '))]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/**
 * https://hl7.org/fhir/R4/search.html#content leaves the syntax to the server. Any syntax must find a plain word wherever it is a word in the
 * narrative or in some text of the resource, whatever its case.
 */
export const wordsOf: Readonly<Record<string, TextsOf>> = {
  _text: onceFor(({ text }) => textsIn((text as { readonly div?: string } | undefined)?.div)),
  _content: onceFor(textsIn),
}

/** Whether a text has the word, as a function that is applied to many texts. */
export const hasWord = (word: string): ((text: string) => boolean) => {
  const whole = new RegExp(`(?<![\\p{L}\\p{N}])${folded(word)}(?![\\p{L}\\p{N}])`, 'u')
  return text => whole.test(text)
}
