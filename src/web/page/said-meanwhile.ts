import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { Field } from './form.ts'
import { type Html, html } from './html.ts'

/** The fields of a form whose sender was slower than somebody else, each with the value that is now stored, if it is a different one. */
export const besideWhatItSays = (
  fields: readonly Field[],
  now: readonly Field[],
  words: Words = wordsFor('en'),
): readonly Field[] =>
  fields.map(one => {
    const saved = now.find(({ name }) => name === one.name)?.value ?? ''
    return linesOf(one.value ?? '') === linesOf(saved) ? one : { ...one, hint: nowItSays(saved, words) }
  })

/** Browsers send line breaks in another form than they were given. */
const linesOf = (text: string): string => text.replaceAll('\r\n', '\n')

export const nowItSays = (saved: string, { say }: Words = wordsFor('en')): Html =>
  html`${say('meanwhile.now')} <span class="as-written">${saved || say('meanwhile.nothing')}</span>`
