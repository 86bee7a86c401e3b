import type { Resource } from '../examples.ts'
import { folded } from './string.ts'

/**
 * https://hl7.org/fhir/R4/search.html#content leaves the syntax to the server. What any syntax must answer is a plain word:
 * found where it stands as a word, in the narrative or in some text of the resource, whatever its case.
 */
export const wordsOf: Readonly<Record<string, (resource: Resource) => readonly string[]>> = {
  _text: ({ text }) => textsIn((text as { readonly div?: string } | undefined)?.div),
  _content: resource => textsIn(resource),
}

/** Case and accents aside; what stands in a tag is not read. */
const textsIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [folded(value.replaceAll(/<[^>]*>|&#?\w+;/g, ' '))]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

export const hasWord = (texts: readonly string[], word: string): boolean => {
  const whole = new RegExp(`(?<![\\p{L}\\p{N}])${folded(word)}(?![\\p{L}\\p{N}])`, 'u')
  return texts.some(text => whole.test(text))
}
