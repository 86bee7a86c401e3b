import { postForm } from './form.ts'
import { type Html, html } from './html.ts'

type Shown = {
  readonly heading: string
  readonly text: string
  /** For whom they are opened. */
  readonly patient: string
  readonly apps: readonly { readonly id: string; readonly name: string }[]
  readonly token: string
}

/** A button for each app. It leads to another site, so its page has to be one that may. */
export const appsToOpen = ({ heading, text, patient, apps, token }: Shown): Html | false =>
  apps.length > 0 &&
  html`<section class="no-print">
<h2>${heading}</h2>
<p>${text}</p>
<ul class="list-unstyled mt-4">${apps.map(
    ({ id, name }) =>
      html`<li>${postForm({ action: `/patients/${patient}/app`, token, hidden: { app: id } }, html`<button class="btn btn-outline-primary">${name}</button>`)}</li>`,
  )}</ul>
</section>`
