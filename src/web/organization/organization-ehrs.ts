import type { FastifyReply } from 'fastify'
import type { NamedOrganization } from '../../accounts/organization/administered-organizations.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { administeredOf, type OfOrganization } from '../page/administered.ts'
import { notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { type EhrState, ehrForm, emptyEhr, saidEhrBy, typedEhr, withEhrProblems } from './ehr-form.ts'

/** The EHRs that launch us for an organization, with a link to add another. */
export const organizationEhrsPage: AddPage = (server, options) => {
  const { organizationEhrs } = options.ehrLaunches
  const onRequest = requireSession
  server.get<OfOrganization>('/organizations/:organization/ehrs', { onRequest }, async (request, reply) => {
    const { id, name } = await administeredOf(request, options)
    const own = await organizationEhrs.list(id)
    const inherited = await organizationEhrs.listInherited(id)
    return sendStaffPage(reply, {
      title: `EHRs of ${name}`,
      content: html`<h1>EHRs that open Sharewell for ${name}</h1>
${queryOf(request).has('removed') && notice('done', html`<p>The EHR has been removed.</p>`)}
<p>Providers open Sharewell from these electronic health records (EHRs), and are signed in by them. Each EHR is set up for the organization and all those below it.</p>
${
  own.length === 0
    ? html`<p>None is set up for this organization itself.</p>`
    : html`<ul class="list-group list-group-flush mb-4">${own.map(
        one => html`<li class="list-group-item px-0 py-3">
<h2><a href="/organizations/${id}/ehrs/${one.id}">${one.issuer}</a></h2>
<p class="text-body-secondary">${one.enabled ? `Client ID: ${one.clientId}` : 'Launches are refused'}</p>
</li>`,
      )}</ul>`
}
<p><a class="btn btn-primary" href="/organizations/${id}/ehrs/new">Add an EHR</a></p>
${inherited.length > 0 && fromAbove(inherited)}
<p><a href="/organizations/${id}">Back to ${name}</a></p>`,
    })
  })
  server.get<OfOrganization>('/organizations/:organization/ehrs/new', { onRequest }, async (request, reply) =>
    sendNew(reply, await administeredOf(request, options), emptyEhr),
  )
  server.post<OfOrganization>('/organizations/:organization/ehrs/new', keepsTyped(options), async (request, reply) => {
    const organization = await administeredOf(request, options)
    const state = typedEhr(request.body)
    try {
      const added = await organizationEhrs.add(organization.by, saidEhrBy(state))
      return reply.redirect(`/organizations/${organization.id}/ehrs/${added}?added`, 303)
    } catch (error) {
      return sendNew(reply.code(422), organization, withEhrProblems(state, error))
    }
  })
}

const fromAbove = (
  ehrs: readonly { readonly issuer: string; readonly name: string }[],
): Html => html`<h2>Set up above</h2>
<p>These are set up for an organization above this one, and apply here too.</p>
<ul>${ehrs.map(({ issuer, name }) => html`<li>${issuer} (${name})</li>`)}</ul>`

const sendNew = (reply: FastifyReply, { id, name }: NamedOrganization, state: EhrState): FastifyReply => {
  const token = ownToken(reply)
  return sendStaffPage(reply, {
    title: 'Add an EHR',
    isProblem: Object.keys(state.problems).length > 0,
    content: html`<h1>Add an EHR</h1>
<p>It will be for ${name} and all organizations below it. The settings to enter in the EHR are shown once it is added.</p>
<p>The EHR will tell Sharewell who its users are: add only one whose operator you trust with that.</p>
${ehrForm({ action: `/organizations/${id}/ehrs/new`, token, button: 'Add EHR', state, isKnown: false, knowsSecret: false })}
<p><a href="/organizations/${id}/ehrs">Back to the EHRs</a></p>`,
  })
}
