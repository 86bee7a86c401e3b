import type { FastifyReply, FastifyRequest } from 'fastify'
import { isBackend } from '../../auth/client/approved-clients.ts'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { OrganizationClient } from '../../storage/authorization/client-registration.ts'
import { kindLabel, lastToken } from '../organization/organization-apps.ts'
import { policyWords } from '../organization/policy-words.ts'
import type { AddPage } from '../page/add-page.ts'
import { form, notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'

type OfApp = { readonly Params: { readonly app: string } }

/** An app or backend service of the whole installation, or one that registered itself. Those of organizations are on the pages of these. */
export const systemAppPage: AddPage = (server, options) => {
  const { installationApps } = server.authorization
  const onRequest = requireSession
  const found = async (request: FastifyRequest<OfApp>) => {
    const { person } = await administratorOf(request, options)
    const app = await installationApps.find(request.params.app)
    if (app === undefined) throw new FhirError('not-found', 'There is no such app')
    return { person, app, page: `/system/apps/${app.id}` }
  }
  server.get<OfApp>('/system/apps/:app', { onRequest }, async (request, reply) => {
    const { app, page } = await found(request)
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    return sendApp(reply, { app, page, done })
  })
  const acting = (action: string, act: (asked: Acting) => Promise<string | false>) =>
    server.post<OfApp>(`/system/apps/:app/${action}`, { onRequest }, async (request, reply) => {
      const { person, app, page } = await found(request)
      try {
        const done = await act({ person, id: app.id, to: typed(request.body, 'to') })
        return reply.redirect(done === false ? page : `${page}?done=${done}`, 303)
      } catch (error) {
        if (!(error instanceof FhirError) || error.status !== 409) throw error
        const now = await found(request)
        return sendApp(reply.code(409), { ...now, done: undefined, refusal: error.message })
      }
    })
  acting('disable', async ({ person, id }) => (await installationApps.disable(person, id)) && 'disabled')
  acting('enable', async ({ person, id }) => (await installationApps.enable(person, id)) && 'enabled')
  acting(
    'records-consent',
    async ({ person, id, to }) =>
      (to === 'yes' || to === 'no') && (await installationApps.letRecordConsent(person, id, to)) && `records-${to}`,
  )
}

type Acting = { readonly person: string; readonly id: string; readonly to: string }

const doneTexts: Readonly<Record<string, string>> = {
  disabled: 'It has been disabled.',
  enabled: 'It has been enabled: it can get tokens again.',
  'records-yes': 'From now on it may record the answers of the patients who use it.',
  'records-no': 'From now on it records no answers of patients. Those that it has recorded stay.',
}

type Shown = {
  readonly app: OrganizationClient
  readonly page: string
  readonly done: string | undefined
  /** Why something was not done. */
  readonly refusal?: string
}

const sendApp = (reply: FastifyReply, { app, page, done, refusal }: Shown): FastifyReply => {
  const token = ownToken(reply)
  return sendStaffPage(reply, {
    title: app.name,
    isProblem: refusal !== undefined,
    content: html`<h1>${app.name}</h1>
${done && notice('done', html`<p>${done}</p>`)}
${refusal && notice('problem', html`<p>This was not done: ${refusal}.</p>`)}
${app.selfRegistered && notice('warning', html`<p>It registered itself: nobody has reviewed it. What it is called here is what it says.</p>`)}
${facts(app)}
${app.disabledBy === undefined ? whileEnabled(app, page, token) : whileDisabled(app.disabledBy, page, token)}
<p><a href="/system/apps">Back to the apps</a></p>`,
  })
}

const facts = (app: OrganizationClient): Html => {
  const { redirect_uris, launch_uris = [], jwks_uri, client_uri } = app.metadata
  const all: readonly (readonly [string, Html | string])[] = [
    ['client_id', html`<code>${app.id}</code>`],
    ['Type', kindLabel(app)],
    ['Registered', moment(app.registeredAt)],
    ['Last used', lastToken(app)],
    ['Scopes', app.scope === '' ? 'No user/ or system/ scopes' : app.scope],
    ['Besides what its scopes allow', app.policies.length === 0 ? 'Nothing' : `It may ${policyWords(app.policies)}`],
    ['Redirect URLs', redirect_uris.join(' ') || 'None'],
    ...optional('Launch URL', launch_uris.join(' ')),
    ...optional('JWKS URL', jwks_uri),
    ...optional('Its own page', client_uri),
  ]
  return html`<dl>${all.map(([name, value]) => html`<dt>${name}</dt><dd class="text-break">${value}</dd>`)}</dl>`
}

const optional = (name: string, value = ''): readonly (readonly [string, string])[] =>
  value === '' ? [] : [[name, value]]

const whileEnabled = (app: OrganizationClient, page: string, token: string): Html => html`${
  !isBackend(app) && recording(app, page, token)
}
<h2>Disable</h2>
<p>This ends all its tokens, and everything that people have allowed it, at once.</p>
${form({ action: `${page}/disable`, token, fields: [], button: 'Disable' })}`

const recording = ({ policies }: OrganizationClient, page: string, token: string): Html => {
  const action = `${page}/records-consent`
  return policies.includes('records-consent')
    ? html`<h2>Answers of patients</h2>
<p>It may record what the patients who use it answer to studies that have invited them. Patients also have to allow it that.</p>
${postForm({ action, token, hidden: { to: 'no' } }, html`<button class="btn btn-outline-primary">Let it record no answers</button>`)}`
    : html`<h2>Answers of patients</h2>
<p>It may not record what patients answer to studies. If you let it, it is trusted to show each patient the text of the study before it records that they agree, and it counts as reviewed. Patients also have to allow it that.</p>
${postForm({ action, token, hidden: { to: 'yes' } }, html`<button class="btn btn-outline-primary">Let it record answers</button>`)}`
}

const whileDisabled = (by: NonNullable<OrganizationClient['disabledBy']>, page: string, token: string): Html =>
  by === 'operator'
    ? notice('warning', html`<p>The operator of this server has disabled it, and only they can change that.</p>`)
    : html`${notice('warning', html`<p>It is disabled: it gets no tokens.</p>`)}
${form({ action: `${page}/enable`, token, fields: [], button: 'Enable' })}`
