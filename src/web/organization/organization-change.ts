import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  changeOrganization,
  findNamedOrganizations,
  makeOrganization,
} from '../../accounts/organization/organization-change.ts'
import type { Organizer } from '../../accounts/organization/organizer.ts'
import { isInForce } from '../../storage/account/session.ts'
import type { AddPage } from '../page/add-page.ts'
import type { OfOrganization } from '../page/administered.ts'
import { closedMeanwhile } from '../page/closed-meanwhile.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { idByForm } from '../page/id-by-form.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { type Alike, alikeToAskAbout } from '../page/made-already.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { administratorOf, isClosed, openFor, organizationFor } from '../page/shown-organization.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import {
  emptyOrganization,
  isWrong,
  type OrganizationState,
  organizationForm,
  stateOfOrganization,
  typedOrganization,
} from './organization-form.ts'

/** Creates organizations, at the top or below another, and renames them. */
export const organizationChangePage: AddPage = (server, options) => {
  const onRequest = requireSession
  server.get('/organizations/new', { onRequest }, async (request, reply) => {
    await administratorOf(request, options)
    return sendNew(reply, { action: '/organizations/new', state: emptyOrganization })
  })
  server.post('/organizations/new', keepsTyped(options), async (request, reply) => {
    const organizer = await administratorOf(request, options)
    const state = typedOrganization(request.body)
    if (isWrong(state)) return sendNew(reply.code(422), { action: '/organizations/new', state })
    const alike = await alikeOf(request, organizer, state)
    if (alike) return sendNew(reply.code(409), { action: '/organizations/new', state: { ...state, alike } })
    const made = await makeOrganization(organizer, state.said, { id: idByForm(request) })
    return reply.redirect(`/organizations/${made}?done=made`, 303)
  })
  server.get<OfOrganization>('/organizations/:organization/new', { onRequest }, async (request, reply) => {
    const { id, name } = openFor(await organizationFor('isManaged', request, options))
    return sendNew(reply, { action: `/organizations/${id}/new`, state: emptyOrganization, above: { id, name } })
  })
  server.post<OfOrganization>('/organizations/:organization/new', keepsTyped(options), async (request, reply) => {
    const shown = await organizationFor('isManaged', request, options)
    const { organizer, id, name } = shown
    const state = typedOrganization(request.body)
    const refused = isWrong(state) ? 422 : isClosed(shown) ? 409 : undefined
    if (refused !== undefined) {
      const above = { id, name, isClosed: isClosed(shown) }
      return sendNew(reply.code(refused), { action: `/organizations/${id}/new`, state, above })
    }
    const alike = await alikeOf(request, organizer, state, id)
    if (alike) {
      const again = { action: `/organizations/${id}/new`, state: { ...state, alike }, above: { id, name } }
      return sendNew(reply.code(409), again)
    }
    const made = await makeOrganization(organizer, state.said, { id: idByForm(request), partOf: id })
    return reply.redirect(`/organizations/${made}?done=made`, 303)
  })
  server.get<OfOrganization>('/organizations/:organization/change', { onRequest }, async (request, reply) => {
    const { id, organization, version } = await organizationFor('isChangeable', request, options)
    return sendChange(reply, id, stateOfOrganization(organization, version))
  })
  server.post<OfOrganization>('/organizations/:organization/change', keepsTyped(options), async (request, reply) => {
    const { organizer, id } = await organizationFor('isChangeable', request, options)
    const state = typedOrganization(request.body)
    if (isWrong(state)) return sendChange(reply.code(422), id, state)
    try {
      await changeOrganization(organizer, { id, version: state.version ?? '' }, state.said)
      // What is changed is answered as changed also if this cannot be asked: the next page asks whoever is signed out to sign in.
      const isSignedIn = await isInForce(options.accounts.database, sessionOf(request).id).catch(() => true)
      return reply.redirect(isSignedIn ? `/organizations/${id}?done=changed` : toSetUp(`/organizations/${id}`), 303)
    } catch (error) {
      if (!isOvertaken(error)) throw error
      const { organization, version } = await organizationFor('isChangeable', request, options)
      const { said: now } = stateOfOrganization(organization, version)
      return sendChange(reply.code(409), id, { ...state, version, now })
    }
  })
}

/** Whoever has just required a second factor of themselves, and has none, is signed out. */
const toSetUp = (continued: string): string => `/sign-in?${new URLSearchParams({ continue: continued })}&second-factor`

type New = {
  readonly action: string
  readonly state: OrganizationState
  readonly above?: { readonly id: string; readonly name: string; readonly isClosed?: boolean }
}

const alikeOf = async (
  request: FastifyRequest,
  organizer: Organizer,
  { said: { name } }: OrganizationState,
  partOf?: string,
): Promise<Alike | undefined> => {
  const found = await findNamedOrganizations(organizer, { name, ...(partOf !== undefined && { partOf }) })
  return alikeToAskAbout(
    request,
    found.map(id => ({ id, name, address: `/organizations/${id}` })),
  )
}

const sendNew = (reply: FastifyReply, { action, state, above }: New): FastifyReply =>
  sendStaffPage(reply, {
    title: 'Add an organization',
    isProblem: isWrong(state) || above?.isClosed === true || state.alike !== undefined,
    content: html`<h1>Add an organization</h1>
${
  above === undefined
    ? html`<p>It will be a top-level organization, such as a university or a hospital: those see nothing of each other. If it is part of an organization that is already here, add it below that one.</p>`
    : html`<p>It will be part of ${above.name}. Whoever manages that organization, or one above it, will manage the new one too.</p>`
}
${above?.isClosed && closedMeanwhile(above.name, 'nothing is added below it')}
${organizationForm({ action, token: ownToken(reply), button: 'Add organization', state })}
<p><a href="/organizations${above && `/${above.id}`}">Back to ${above?.name ?? 'the organizations'}</a></p>`,
  })

const sendChange = (reply: FastifyReply, id: string, state: OrganizationState): FastifyReply =>
  sendStaffPage(reply, {
    title: 'Edit the organization’s details',
    isProblem: isWrong(state) || state.now !== undefined,
    content: html`<h1>Edit the organization’s details</h1>
${organizationForm({ action: `/organizations/${id}/change`, token: ownToken(reply), button: 'Save', state })}
<p><a href="/organizations/${id}">Back to the organization</a></p>`,
  })
