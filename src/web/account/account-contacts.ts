import type { Patient } from '@medplum/fhirtypes'
import { postalAddressesOf } from '../../accounts/contact/postal-address.ts'
import { nameText } from '../../fhir/display-name.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { hasOnlyUnreadMobiles } from '../../storage/model/patient-address.ts'
import { type OwnContacts, ownContacts } from '../../studies/patient/own-contacts.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'

/** Where studies write to whoever is signed in, in each of their records: another address than that of their account. */
export const accountContactsPage: AddPage = (server, options) => {
  server.get('/account/contacts', { onRequest: requireSession }, async (request, reply) => {
    const records = await ownContacts(options, sessionOf(request).person)
    const words = wordsOf(request)
    const { say } = words
    return sendTranslatedPage(reply, words, {
      title: say('contacts.title'),
      content: html`<h1>${say('contacts.title')}</h1>
${queryOf(request).get('done') === 'changed' && notice('done', html`<p>${say('contacts.done')}</p>`)}
${
  records.length === 0
    ? html`<p>${say('contacts.none')}</p>`
    : html`<p>${say('contacts.text')}</p>
${records.length > 1 && html`<p>${say('contacts.several')}</p>`}
${records.map(one => recordShown(one, words, { isNamed: records.length > 1 }))}`
}
${signInElsewhere(words)}
<p><a href="/account">${say('own.back')}</a></p>`,
    })
  })
}

export const signInElsewhere = ({ say }: Words): Html =>
  html`<p>${say('contacts.sign-in')} <a href="/account/email">${say('contacts.sign-in-change')}</a></p>`

/** The heading of a record, which says where it is. */
export const recordTitle = ({ organization }: OwnContacts, { say }: Words): string =>
  organization === undefined ? say('contacts.record') : say('contacts.record-of', { organization })

const recordShown = (record: OwnContacts, words: Words, { isNamed }: { readonly isNamed: boolean }): Html => {
  const { patient, organization, contacts } = record
  const { say } = words
  const name = nameText(patient.name?.[0])
  const label = organization === undefined ? say('contacts.change-title') : say('contacts.change-one', { organization })
  return html`<h2>${recordTitle(record, words)}</h2>
<dl>
${isNamed && name && html`<dt>${say('own.own-name')}</dt><dd>${name}</dd>`}
<dt>${say('field.email')}</dt><dd>${contacts.email || say('own.no-email')}</dd>
<dt>${say('contacts.mobile')}</dt><dd>${contacts.mobile || say('own.no-email')}</dd>${hasOnlyUnreadMobiles(patient) && html`<dd class="text-body-secondary">${say('contacts.mobile-unsent')}</dd>`}
${postalShown(patient, words)}
</dl>
<p><a href="/account/contacts/${patient.id}" aria-label="${label}">${say('contacts.change')}</a></p>`
}

const postalShown = (patient: Patient, { say }: Words): Html => {
  const shown = postalAddressesOf(patient)
  return html`<dt>${say('contacts.postal')}</dt>${shown.map(lines => html`<dd class="plain-text">${lines}</dd>`)}
${shown.length === 0 && html`<dd>${say('postal.none')}</dd>`}${shown.length > 1 && html`<dd class="text-body-secondary">${say('contacts.postal-hint')}</dd>`}`
}
