import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'

/** What somebody entered into a form that cannot be carried out any more, for them to copy it. */
export const enteredTexts = ({ say }: Words, texts: readonly string[]): Html | undefined =>
  texts.length === 0
    ? undefined
    : html`<h2>${say('error.typed')}</h2>
${texts.map(text => html`<p class="as-written border rounded p-3">${text}</p>`)}`
