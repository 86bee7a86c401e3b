import type { Words } from '../messages/catalogue.ts'
import { type Html, html } from './html.ts'

/** The way there, for the sign-in page. */
export const ssoLink = (
  { say }: Words,
  institution: string,
  query: Readonly<Record<string, string | undefined>>,
): Html => {
  const given = Object.entries(query).filter((one): one is [string, string] => one[1] !== undefined)
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`
  return html`<p class="border-top mt-4 pt-4"><a class="btn btn-primary" href="/sso${search}">${say('sign-in.institution', { institution })}</a></p>`
}
