import { notice } from './form.ts'
import { type Html, html } from './html.ts'

/** For a form that was shown before its organization was closed. `refused`: what is not possible in a closed one, as a sentence. */
export const closedMeanwhile = (name: string, refused: string): Html =>
  notice(
    'problem',
    html`<p>${name} has been closed, so ${refused}. What you entered is still below, and you can send it again once the organization is open again.</p>`,
  )
