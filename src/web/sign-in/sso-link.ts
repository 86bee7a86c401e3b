import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from '../page/html.ts'

/** The link to the institution on the sign-in page. */
export const ssoLink = ({ say }: Words, institution: string, query: Readonly<Record<string, string>>): Html => {
  const search = Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query)}`
  return html`<p class="border-top mt-4 pt-4"><a class="btn btn-primary" href="/sso${search}">${say('sign-in.institution', { institution })}</a></p>`
}
