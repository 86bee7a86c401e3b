import type { Field } from './form.ts'
import { type Html, html } from './html.ts'

/** The fields of a form whose sender was slower than somebody else, each with the value that is now stored, if it is a different one. */
export const besideWhatItSays = (fields: readonly Field[], now: readonly Field[]): readonly Field[] =>
  fields.map(one => {
    const saved = now.find(({ name }) => name === one.name)?.value ?? ''
    return linesOf(one.value ?? '') === linesOf(saved) ? one : { ...one, hint: nowItSays(saved) }
  })

/** Browsers send line breaks in another form than they were given. */
const linesOf = (text: string): string => text.replaceAll('\r\n', '\n')

export const nowItSays = (saved: string): Html =>
  html`Now it says: <span class="as-written">${saved || 'nothing'}</span>`
