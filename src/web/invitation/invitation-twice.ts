import type { Words } from '../../messages/catalogue.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import { type AnsweredTwice, answeredTwice } from '../../studies/invitation/answered-twice.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { worded } from '../page/wording.ts'

/** The studies to which both records have answered, and what to do about it; undefined if that has been settled. */
export const answeredTwiceList = async (
  options: PageOptions,
  invitation: Invitation,
  person: string,
  words: Words,
): Promise<Html | undefined> => {
  const twice = await answeredTwice(options, invitation, person, words)
  if (twice.length === 0) return undefined
  return html`<ul>${twice.map(one => html`<li>${named(one, words)}</li>`)}</ul>
<p>${words.say('account.two-consents-then')}</p>`
}

const named = ({ study, name }: AnsweredTwice, words: Words): Html => {
  const text = typeof name === 'string' ? html`${name}` : worded(name, words)
  return html`<a href="${study === undefined ? '/sharing' : `/sharing/${study}`}">${text}</a>`
}
