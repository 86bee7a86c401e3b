import { type Html, html } from './html.ts'

/** Copies the text of the element with the id. It is there only where scripts run; a page that has one has `copyScript` as well. */
export const copyButton = (id: string, what: string): Html =>
  html`<button type="button" class="btn btn-outline-primary btn-sm" data-copies="${id}" data-copied-text="Copied." data-refused-text="Your browser did not copy it: select it, and copy it yourself." hidden>Copy ${what}</button> <span role="status"></span>`

export const copyScript: Html = html`<script type="module" src="/static/copy.js"></script>`
