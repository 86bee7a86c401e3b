import type { Words } from '../../messages/catalogue.ts'
import type { ReadersNow } from '../../studies/consent/readers-now.ts'
import { type Html, html } from '../page/html.ts'
import { staffRoleKey } from '../page/staff-role-key.ts'
import { moment, phrase } from '../page/time.ts'
import { serviceNamed, staffText } from './readers-shown.ts'

/** Who sees what is shared now, with what has come since it was signed; nothing if nothing is shared. `at`: on what is kept, when that was. */
export const readersNowShown = (
  readers: ReadersNow | undefined,
  {
    organization: { name: organization },
    at,
  }: { readonly organization: { readonly name: string }; readonly at?: Date },
  words: Words,
): Html | undefined => {
  if (readers === undefined) return undefined
  const { isOrganizations, people, services, lines } = readers
  const { say, list } = words
  const title = at === undefined ? say('readers.title') : phrase(words, 'readers.title-at', { when: moment(at, words) })
  return html`<h2>${title}</h2>
<ul>
${isOrganizations && html`<li>${say('readers.everybody', { organization })}</li>`}
${people.map(one => html`<li>${dated(one, personText(one, organization, words), words)}</li>`)}
${!isOrganizations && people.length === 0 && html`<li>${say('preview.nobody')}</li>`}
${services.map(one => {
  const what = one.lines.length === lines.length ? undefined : list(one.lines.map(({ what }) => what))
  return html`<li>${dated(one, serviceNamed({ service: one.name, organization, what }, words), words)}</li>`
})}
</ul>
<p>${services.length === 0 && say('preview.no-service', { organization })} ${say('preview.apps')} ${say('readers.text', { organization })}</p>`
}

const personText = (one: ReadersNow['people'][number], organization: string, words: Words): string => {
  const { name, role } = one
  const who = staffText(one, organization, words)
  return name === '' ? who : words.say('readers.person', { who, role: words.say(staffRoleKey(role)) })
}

const dated = (
  { since, isNew }: ReadersNow['people'][number] | ReadersNow['services'][number],
  who: string,
  words: Words,
): Html => {
  const text = since === undefined ? html`${who}` : phrase(words, 'readers.since', { who, since: moment(since, words) })
  return isNew ? html`<strong>${words.say('readers.new')}</strong> ${text}` : text
}
