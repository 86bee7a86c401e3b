import type { Words } from '../../messages/catalogue.ts'
import { recordsOf } from '../../studies/consent/care-asked.ts'
import { type KnownCarer, knownCarers } from '../../studies/consent/care-known.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { carePath } from './care-form.ts'
import { sendNobody } from './care-shown.ts'

/** With whom a patient could share for their care: whoever their own records name. There is no directory to search. */
export const sharingBeginPage: AddPage = (server, options) => {
  server.get('/sharing/with', { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const people = await recordsOf(options, sessionOf(request).person)
    if (people.length === 0) return sendNobody(reply, words)
    const known = await Promise.all(people.map(async of => ({ ...of, carers: await knownCarers(options, of.record) })))
    const isOne = people.length === 1
    return sendTranslatedPage(reply, words, {
      title: say('care.begin'),
      content: html`<h1>${say('care.begin')}</h1>
<p>${say('care.begin-text')}</p>
<h2>${say('care.begin-known')}</h2>
${known.map(
  ({ name, patient, carers }) => html`${!isOne && html`<h3>${name}</h3>`}
${carerList(carers, isOne ? '' : `?record=${patient}`, words)}`,
)}
<h2>${say('care.begin-others')}</h2>
<p>${say('care.begin-others-text')}</p>
<p class="no-print"><a href="/sharing">${say('sharing.title')}</a></p>`,
    })
  })
}

/** Those who are not here any more are listed only as long as something is shared with them. */
const carerList = (carers: readonly KnownCarer[], query: string, words: Words): Html => {
  const { compare } = new Intl.Collator(words.code, { numeric: true })
  const listed = carers
    .filter(({ isActive, isGiven }) => isActive || isGiven)
    .toSorted((one, other) => Number(other.isGiven) - Number(one.isGiven) || compare(one.name, other.name))
  if (listed.length === 0) return html`<p>${words.say('care.begin-nobody')}</p>`
  return html`<ul class="list-group list-group-flush mb-4">${listed.map(
    one =>
      html`<li class="list-group-item px-0 py-3"><a href="${carePath(one)}${query}">${one.name}</a>${one.isGiven && html`<div>${words.say('care.begin-now')}</div>`}</li>`,
  )}</ul>`
}
