import type { Words } from '../../messages/catalogue.ts'
import { postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'

/** Asks once more before everything ends: one press beside another would end what others may have to ask for again. */
export const stopAllForm = (
  receivers: readonly (Html | string)[],
  { say }: Words,
  token: string,
): Html => html`<h1>${say('stop-all.title')}</h1>
<p>${say('stop-all.text')}</p>
<ul>${receivers.map(one => html`<li>${one}</li>`)}</ul>
${postForm(
  { action: '/sharing', token, hidden: { all: 'yes' } },
  html`<div class="d-flex flex-wrap gap-3 mt-4"><button class="btn btn-primary">${say('stop-all.yes')}</button>
<a class="btn btn-outline-primary" href="/sharing">${say('stop-all.no')}</a></div>`,
)}`
