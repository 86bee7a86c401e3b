import { randomUUID } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import type { NamedOrganization } from '../../accounts/organization/administered-organizations.ts'
import type { OrganizationClient } from '../../storage/authorization/client-registration.ts'
import type { AddPage } from '../page/add-page.ts'
import { administeredOf, type OfOrganization } from '../page/administered.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { type AppState, appForm, emptyState, kindOf, kinds, saidBy, typedState, withProblems } from './app-form.ts'
import { sendSecret } from './secret-once.ts'

/** The apps and backend services of an organization, with a link to register another. */
export const organizationAppsPage: AddPage = (server, options) => {
  const { organizationApps } = server.authorization
  const onRequest = requireSession
  server.get<OfOrganization>('/organizations/:organization/apps', { onRequest }, async (request, reply) => {
    const { id, name } = await administeredOf(request, options)
    const apps = await organizationApps.list(id)
    return sendStaffPage(reply, {
      title: `Apps of ${name}`,
      content: html`<h1>Apps and backend services of ${name}</h1>
${
  apps.length === 0
    ? html`<p>There are none yet. Once registered, an app can ask people here for access, and a backend service can work on its own as far as you let it.</p>`
    : html`<ul class="list-group list-group-flush mb-4">${apps.map(app => listed(id, app))}</ul>`
}
<p><a class="btn btn-primary" href="/organizations/${id}/apps/new">Register an app or a backend service</a></p>
<p><a href="/organizations/${id}">Back to ${name}</a></p>`,
    })
  })
  server.get<OfOrganization>('/organizations/:organization/apps/new', { onRequest }, async (request, reply) =>
    sendNew(reply, await administeredOf(request, options), emptyState),
  )
  server.post<OfOrganization>('/organizations/:organization/apps/new', keepsTyped(options), async (request, reply) => {
    const organization = await administeredOf(request, options)
    const state = typedState(request.body)
    const form = typed(request.body, 'form') || randomUUID()
    try {
      const { client_id, client_secret } = await organizationApps.register(organization.by, saidBy(state), form)
      const page = `/organizations/${organization.id}/apps/${client_id}`
      if (client_secret === undefined) return reply.redirect(`${page}?registered`, 303)
      return sendSecret(reply, { client_id, client_secret, page })
    } catch (error) {
      const known = await organizationApps.findRegistered(organization.by, form)
      if (known !== undefined) return reply.redirect(`/organizations/${organization.id}/apps/${known.id}?known`, 303)
      return sendNew(reply.code(422), organization, withProblems(state, error))
    }
  })
}

const listed = (organization: string, app: OrganizationClient): Html => html`<li class="list-group-item px-0 py-3">
<h2><a href="/organizations/${organization}/apps/${app.id}">${app.name}</a></h2>
<p>${kindLabel(app)}${app.disabledBy && html`, <strong>disabled</strong>`}</p>
<p class="text-body-secondary">${app.scope === '' ? 'May have no user/ or system/ scopes' : html`At most ${app.scope}`}</p>
<p class="text-body-secondary">${lastToken(app)}</p>
</li>`

export const kindLabel = (app: OrganizationClient): string => kinds.find(([kind]) => kind === kindOf(app))?.[1] ?? ''

export const lastToken = ({ tokenAt }: OrganizationClient): Html | string =>
  tokenAt === undefined ? 'It has never had a token.' : html`Last got a token ${moment(tokenAt)}.`

const sendNew = (reply: FastifyReply, { id, name }: NamedOrganization, state: AppState): FastifyReply =>
  sendStaffPage(reply, {
    title: 'Register an app',
    isProblem: Object.keys(state.problems).length > 0,
    content: html`<h1>Register an app or a backend service</h1>
<p>It will belong to ${name}.</p>
${appForm({ action: `/organizations/${id}/apps/new`, token: ownToken(reply), button: 'Register', state, form: randomUUID() })}
<p><a href="/organizations/${id}/apps">Back to the apps</a></p>`,
  })
