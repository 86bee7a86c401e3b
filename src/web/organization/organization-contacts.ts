import type { Organization } from '@medplum/fhirtypes'
import type { FastifyReply } from 'fastify'
import { type PostalProblems, postalAddressesOf, problemsOfPostal } from '../../accounts/contact/postal-address.ts'
import { presentContacts, type ReachProblems, reachProblems } from '../../accounts/contact/reach.ts'
import {
  changeContacts,
  contactsOfOrganization,
  type OrganizationContacts,
} from '../../accounts/organization/organization-contacts.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { AddPage } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { type Field, form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { postalFields, typedPostal } from '../page/postal-fields.ts'
import { besideWhatItSays } from '../page/said-meanwhile.ts'
import { organizationFor, type ShownOrganization } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { reachFields } from './reach-fields.ts'

/** How an organization is reached, for whoever may change it. */
export const organizationContactsPage: AddPage = (server, options) => {
  const at = '/organizations/:organization/contacts'
  server.get<OfOrganization>(at, { onRequest: requireSession }, async (request, reply) => {
    const shown = await organizationFor('isChangeable', request, options)
    return send(reply, shown, { sent: contactsOfOrganization(shown.organization), version: shown.version })
  })
  server.post<OfOrganization>(at, keepsTyped(options), async (request, reply) => {
    const shown = await organizationFor('isChangeable', request, options)
    const before = contactsOfOrganization(shown.organization)
    const { body } = request
    const line = (name: string) => typed(body, name).trim()
    const sent = { phone: line('phone'), email: line('email'), url: line('url'), ...typedPostal(body, before) }
    const version = typed(body, 'version')
    const problems = reachProblems(sent, before)
    const postalProblems = problemsOfPostal(sent, before)
    if (Object.keys({ ...problems, ...postalProblems }).length > 0)
      return send(reply.code(422), shown, { sent, version, problems, postalProblems })
    try {
      await changeContacts(shown.organizer, { id: shown.id, version }, sent)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      return send(reply.code(409), shown, { sent, version: shown.version, saved: before })
    }
    return reply.redirect(`/organizations/${shown.id}?done=contacts`, 303)
  })
}

type State = {
  readonly sent: OrganizationContacts
  readonly version: string
  readonly problems?: ReachProblems
  readonly postalProblems?: PostalProblems
  /** What is stored now, if somebody else was faster. */
  readonly saved?: OrganizationContacts
}

const send = (reply: FastifyReply, { id, name }: ShownOrganization, state: State): FastifyReply => {
  const { sent, version, problems = {}, postalProblems = {}, saved } = state
  const fields = fieldsFor(sent, problems, postalProblems)
  return sendStaffPage(reply, {
    title: `Contacts of ${name}`,
    isProblem: saved !== undefined || fields.some(({ problem }) => problem !== undefined),
    content: html`<h1>Contacts of ${name}</h1>
${saved && notice('problem', html`<p>Nothing was saved: somebody else has changed the organization since you opened this page. What you entered is still below; check it, and send it again if it is right.</p>`)}
<p>Patients who share with this organization for their treatment, or think about it, are shown these, and so is everybody who works in it. They may all be empty.</p>
${form({
  action: `/organizations/${id}/contacts`,
  token: ownToken(reply),
  hidden: { version },
  fields: saved ? besideWhatItSays(fields, fieldsFor(saved, {}, {})) : fields,
  button: 'Save',
})}
<p><a href="/organizations/${id}">Back to ${name}</a></p>`,
  })
}

const fieldsFor = (
  sent: OrganizationContacts,
  problems: ReachProblems,
  postalProblems: PostalProblems,
): readonly Field[] => [
  ...reachFields(sent, problems, ['phone', 'email', 'url']),
  // What browsers would fill in is the address of whoever types.
  ...postalFields(sent, postalProblems, wordsFor('en')).map(one => ({ ...one, autocomplete: 'off' })),
]

/** Items of a list of what an organization is; undefined if it has no contacts. */
export const contactsShown = (organization: Organization): Html | undefined => {
  const [reached, addresses] = [presentContacts(organization), postalAddressesOf(organization)]
  return reached.length + addresses.length === 0
    ? undefined
    : html`<dt>Contacts</dt>${reached.map(one => html`<dd>${one}</dd>`)}${addresses.map(lines => html`<dd class="plain-text">${lines}</dd>`)}`
}
