import type { FastifyReply, FastifyRequest } from 'fastify'
import { isBackend } from '../../auth/client/approved-clients.ts'
import { appVersion, type By, isOperators, secretVersion } from '../../auth/client/organization-apps.ts'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { OrganizationClient } from '../../storage/authorization/client-registration.ts'
import type { AddPage } from '../page/add-page.ts'
import { administeredOf } from '../page/administered.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { namedIn } from '../page/named-in.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { type AppState, appFields, appForm, saidBy, stateOf, typedState, withProblems } from './app-form.ts'
import { kindLabel, lastToken } from './organization-apps.ts'
import { policyWords } from './policy-words.ts'
import { sendSecret } from './secret-once.ts'

type OfApp = { readonly Params: { readonly organization: string; readonly app: string } }

/** One app or backend service: its settings, its secret, and whether it is enabled. */
export const organizationAppPage: AddPage = (server, options) => {
  const { organizationApps } = server.authorization
  const onRequest = requireSession
  const at = '/organizations/:organization/apps/:app'
  const found = async (request: FastifyRequest<OfApp>) => {
    const organization = await administeredOf(request, options)
    const app = await organizationApps.find(organization.id, request.params.app)
    if (app === undefined) throw new FhirError('not-found', 'There is no such app')
    const page = `/organizations/${organization.id}/apps/${app.id}`
    return { ...organization, app, page, fhir: `${options.accounts.address()}/fhir` }
  }
  server.get<OfApp>(at, { onRequest }, async (request, reply) => {
    const { app, page, fhir } = await found(request)
    const query = queryOf(request)
    return sendApp(reply, {
      ...{ app, page, fhir, state: stateOf(app) },
      done: [...query.keys()].map(name => namedIn(doneTexts, name)).find(Boolean),
      wasKnown: query.has('known'),
    })
  })
  server.post<OfApp>(at, keepsTyped(options), async (request, reply) => {
    const { app, page, fhir, by } = await found(request)
    const state = typedState(request.body)
    try {
      const { client_id, client_secret } = await organizationApps.change(
        by,
        app.id,
        saidBy(state),
        typed(request.body, 'version'),
      )
      if (client_secret !== undefined) return sendSecret(reply, { client_id, client_secret, page })
      return reply.redirect(`${page}?saved`, 303)
    } catch (error) {
      if (isOvertaken(error)) return sendApp(reply.code(409), { ...(await found(request)), state, wasFaster: true })
      return sendApp(reply.code(422), { app, page, fhir, state: withProblems(state, error) })
    }
  })
  const acting = (action: string, act: (asked: Acting) => Promise<FastifyReply>) =>
    server.post<OfApp>(`${at}/${action}`, { onRequest }, async (request, reply) => {
      const asked = { ...(await found(request)), version: typed(request.body, 'version'), reply }
      try {
        return await act(asked)
      } catch (error) {
        if (!(error instanceof FhirError) || error.status !== 403) throw error
        return sendApp(reply.code(422), { ...asked, state: stateOf(asked.app), refusal: error.message })
      }
    })
  acting('secret', async ({ app, page, by, version, reply }) => {
    try {
      const { client_id, client_secret = '' } = await organizationApps.renewSecret(by, app.id, version)
      return sendSecret(reply, { client_id, client_secret, page })
    } catch (error) {
      if (!isOvertaken(error)) throw error
      return reply.redirect(`${page}?known`, 303)
    }
  })
  acting('disable', async ({ app, page, by, reply }) =>
    reply.redirect((await organizationApps.disable(by, app.id)) ? `${page}?disabled` : page, 303),
  )
  acting('enable', async ({ app, page, by, reply }) =>
    reply.redirect((await organizationApps.enable(by, app.id)) ? `${page}?enabled` : page, 303),
  )
}

const doneTexts: Readonly<Record<string, string>> = {
  registered: 'It is registered.',
  saved: 'Saved. The changes apply from now on.',
  disabled: 'It has been disabled.',
  enabled: 'It has been enabled: it can get tokens again.',
}

/** `fhir`: the address that an app is given. */
type Found = { readonly app: OrganizationClient; readonly page: string; readonly fhir: string }
type Acting = Found & { readonly by: By; readonly version: string; readonly reply: FastifyReply }

type Shown = Found & {
  readonly state: AppState
  readonly done?: string | undefined
  /** The form that led here was sent before, and done then. */
  readonly wasKnown?: boolean
  /** Why something other than saving was not done. */
  readonly refusal?: string
  /** Somebody else changed it since the form was shown. */
  readonly wasFaster?: boolean
}

const sendApp = (reply: FastifyReply, shown: Shown): FastifyReply => {
  const { app, page, fhir, state, done, wasKnown = false, refusal, wasFaster = false } = shown
  const token = ownToken(reply)
  return sendStaffPage(reply, {
    title: app.name,
    isProblem: refusal !== undefined || wasFaster || Object.keys(state.problems).length > 0,
    content: html`<h1>${app.name}</h1>
${done && notice('done', html`<p>${done}</p>`)}
${wasKnown && notice('done', html`<p>This had been done already, so nothing was done now.${hasSecret(app) && ' The client secret was shown at that time. If you have not saved it, create a new one.'}</p>`)}
${refusal && notice('problem', html`<p>This was not done: ${refusal}.</p>`)}
${wasFaster && notice('problem', html`${overtaken}${whatItIsNow(app, state)}`)}
<dl>
<dt>client_id</dt><dd><code>${app.id}</code></dd>
<dt>Type</dt><dd>${kindLabel(app)}</dd>
<dt>FHIR server</dt><dd><code>${fhir}</code>: it says in its <a href="/fhir/.well-known/smart-configuration">SMART configuration</a> where an app gets tokens</dd>
<dt>Registered</dt><dd>${moment(app.registeredAt)}</dd>
<dt>Last used</dt><dd>${lastToken(app)}</dd>
</dl>
${app.disabledBy && disabled(app.disabledBy, page, token)}
${isOperators(app) ? operatorsOwn(app) : changes(app, { page, token, state })}
${
  app.disabledBy === undefined &&
  html`<h2>Disable</h2>
<p>This ends all its tokens, and everything that people have allowed it, at once.</p>
${form({ action: `${page}/disable`, token, fields: [], button: 'Disable' })}`
}
<p><a href="${page.slice(0, page.lastIndexOf('/'))}">Back to the apps</a></p>`,
  })
}

/** Which of the form's values have been changed by somebody else. */
const whatItIsNow = (app: OrganizationClient, { values }: AppState): Html => {
  const now = stateOf(app).values
  const others = appFields.filter(({ name }) => now[name] !== values[name].replaceAll('\r\n', '\n'))
  return html`<p>The current values:</p>
<dl>${others.map(({ name, label }) => html`<dt>${label}</dt><dd>${now[name] || 'Nothing'}</dd>`)}</dl>`
}

const disabled = (by: NonNullable<OrganizationClient['disabledBy']>, page: string, token: string): Html =>
  by === 'operator'
    ? notice('warning', html`<p>The operator of this server has disabled it, and only they can change that.</p>`)
    : html`${notice('warning', html`<p>It is disabled: it gets no tokens.</p>`)}
${form({ action: `${page}/enable`, token, fields: [], button: 'Enable' })}`

const operatorsOwn = ({ scope, policies }: OrganizationClient): Html => html`<h2>What it may do</h2>
<p>The operator of this server lets it do more than an organization can: it may ${policyWords(policies)}. So only they can change it.</p>
<p class="text-body-secondary">${scope === '' ? 'No user/ or system/ scopes' : scope}</p>`

const changes = (
  app: OrganizationClient,
  { page, token, state }: Pick<Shown, 'page' | 'state'> & { readonly token: string },
): Html => html`${
  hasSecret(app) &&
  html`<h2>Client secret</h2>
<p>It is shown once, when it is created. A new one ends the old one at once; the app works again as soon as it has the new one.</p>
${form({ action: `${page}/secret`, token, hidden: { version: secretVersion(app) }, fields: [], button: 'Create a new secret' })}`
}
<h2>Change its settings</h2>
<p>A scope that you remove ends at once, with the tokens that have it.</p>
${appForm({ action: page, token, button: 'Save', state, isService: isBackend(app), version: appVersion(app) })}`

const hasSecret = ({ metadata }: OrganizationClient): boolean =>
  metadata.token_endpoint_auth_method.startsWith('client_secret')
