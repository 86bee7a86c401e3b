import type { FastifyRequest } from 'fastify'
import { recordingChange } from '../../accounts/organization/configuration-change.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { type Administrator, endAdministration, listAdministrators } from '../../storage/account/administrators.ts'
import type { AddPage } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { notFound } from '../page/not-found.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'

type OfPerson = { readonly Params: { readonly person: string } }

const path = '/system/administrators'

/** Who administers the installation, for themselves: each can end that of another, and never their own, so that somebody is left. */
export const systemAdministratorsPage: AddPage = (server, options) => {
  const { accounts } = options
  const onRequest = requireSession
  const named = async (one: Administrator) => ({ ...one, name: await nameOfPerson(accounts.openStoreAs, one.person) })
  const found = async (request: FastifyRequest<OfPerson>) => {
    const { person: own } = await administratorOf(request, options)
    const { person } = request.params
    const one = (await listAdministrators(accounts.database)).find(other => other.person === person)
    return one === undefined || person === own ? notFound() : { own, one: await named(one) }
  }
  server.get(path, { onRequest }, async (request, reply) => {
    const { person: own } = await administratorOf(request, options)
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    const all = await Promise.all((await listAdministrators(accounts.database)).map(named))
    return sendStaffPage(reply, {
      title: 'Administrators',
      content: html`<h1>Administrators</h1>
${done && notice('done', html`<p>${done}</p>`)}
<p>Administrators set up organizations and their managers, and see nobody’s health data. Another is made by the operator, with <code>sharewell invite --administrator</code>.</p>
<ul class="list-group list-group-flush mb-4">${all.map(one => listed(one, own))}</ul>
<p><a href="/system">Back to the system</a></p>`,
    })
  })
  server.get<OfPerson>(`${path}/:person`, { onRequest }, async (request, reply) => {
    const { one } = await found(request)
    const name = shownName(one)
    return sendStaffPage(reply, {
      title: `End: ${name}`,
      content: html`<h1>Is ${name} no longer to administer the installation?</h1>
<p>It ends at once. The account stays, with any other role that it has. To administer again, they need a link from the operator, who makes it with <code>sharewell invite --administrator</code>.</p>
${form({ action: `${path}/${one.person}`, token: ownToken(reply), fields: [], button: 'End it' })}
<p><a href="${path}">Back to the administrators</a></p>`,
    })
  })
  server.post<OfPerson>(`${path}/:person`, { onRequest }, async (request, reply) => {
    const { own, one } = await found(request)
    const told = `${shownName(one)} no longer administers the installation`
    const done = await recordingChange({ openStoreAs: accounts.openStoreAs, person: own }, async connection => {
      const answer = await endAdministration(connection, { person: one.person, by: own })
      return { answer, change: answer === 'ended' ? { action: 'U', told, id: one.person, details: {} } : undefined }
    })
    return done === 'refused' ? notFound() : reply.redirect(`${path}?done=${done}`, 303)
  })
}

const doneTexts = {
  ended: 'It has ended: that account no longer administers the installation.',
  'ended-before': 'Somebody else has ended it meanwhile: that account no longer administers the installation.',
} as const

type Named = Administrator & { readonly name: string }

const shownName = ({ name, email = '' }: Named): string => name || email || 'somebody without a name'

const listed = (one: Named, own: string): Html => {
  const name = shownName(one)
  return html`<li class="list-group-item px-0 py-3">
<h2>${name}${one.person === own && ' (you)'}${one.isClosed && html` <span class="badge text-bg-secondary">Account closed</span>`}</h2>
${one.email !== undefined && one.email !== name && html`<p class="text-body-secondary">${one.email}</p>`}
${one.person !== own && html`<p><a href="${path}/${one.person}" aria-label="End it: ${name}">End it</a></p>`}
</li>`
}
