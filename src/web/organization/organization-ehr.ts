import type { FastifyReply, FastifyRequest } from 'fastify'
import { callbackPathOf } from '../../auth/ehr/launches.ts'
import { type EhrCheck, ehrVersion } from '../../auth/ehr/organization-ehrs.ts'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { SmartClientConfig } from '../../storage/ehr/smart-client-config.ts'
import type { AddPage } from '../page/add-page.ts'
import { administeredOf } from '../page/administered.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { namedIn } from '../page/named-in.ts'
import { isOvertaken, overtaken } from '../page/overtaken.ts'
import { seldom } from '../page/page-limits.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { type EhrState, ehrForm, ehrStateOf, saidEhrBy, typedEhr, withEhrProblems } from './ehr-form.ts'

type OfEhr = { readonly Params: { readonly organization: string; readonly ehr: string } }

/** One EHR: what it must know about us, its settings here, and whether it answers. */
export const organizationEhrPage: AddPage = (server, options) => {
  const { accounts } = options
  const { organizationEhrs } = options.ehrLaunches
  const onRequest = requireSession
  const at = '/organizations/:organization/ehrs/:ehr'
  const found = async (request: FastifyRequest<OfEhr>) => {
    const organization = await administeredOf(request, options)
    const config = await organizationEhrs.find(organization.id, request.params.ehr)
    if (config === undefined) throw new FhirError('not-found', 'There is no such EHR')
    const all = `/organizations/${organization.id}/ehrs`
    return { by: organization.by, config, all, page: `${all}/${config.id}`, address: accounts.address() }
  }
  server.get<OfEhr>(at, { onRequest }, async (request, reply) => {
    const shown = await found(request)
    const done = [...queryOf(request).keys()].map(name => namedIn(doneTexts, name)).find(Boolean)
    return sendEhr(reply, { ...shown, state: ehrStateOf(shown.config), done })
  })
  server.post<OfEhr>(at, keepsTyped(options), async (request, reply) => {
    const shown = await found(request)
    const state = typedEhr(request.body)
    try {
      await organizationEhrs.change(shown.by, shown.config.id, saidEhrBy(state), typed(request.body, 'version'))
      return reply.redirect(`${shown.page}?saved`, 303)
    } catch (error) {
      if (isOvertaken(error)) return sendEhr(reply.code(409), { ...(await found(request)), state, wasFaster: true })
      return sendEhr(reply.code(422), { ...shown, state: withEhrProblems(state, error) })
    }
  })
  server.post<OfEhr>(`${at}/check`, { onRequest, config: { rateLimit: seldom } }, async (request, reply) => {
    const shown = await found(request)
    return sendEhr(reply, {
      ...shown,
      state: ehrStateOf(shown.config),
      check: await organizationEhrs.check(shown.config),
    })
  })
  server.post<OfEhr>(`${at}/remove`, { onRequest }, async (request, reply) => {
    const { by, config, all } = await found(request)
    await organizationEhrs.remove(by, config.id)
    return reply.redirect(`${all}?removed`, 303)
  })
}

const doneTexts: Readonly<Record<string, string>> = {
  added: 'The EHR is added. Register Sharewell there with the settings below, then check whether it answers.',
  saved: 'Saved. The changes apply from now on.',
}

type Shown = {
  readonly config: SmartClientConfig
  readonly state: EhrState
  readonly all: string
  readonly page: string
  readonly address: string
  readonly done?: string | undefined
  readonly check?: EhrCheck
  /** Somebody else changed it since the form was shown. */
  readonly wasFaster?: boolean
}

const sendEhr = (reply: FastifyReply, shown: Shown): FastifyReply => {
  const { config, state, all, page, address, done, check, wasFaster = false } = shown
  const token = ownToken(reply)
  const title = new URL(config.issuer).host
  return sendStaffPage(reply, {
    title,
    isProblem: wasFaster || Object.keys(state.problems).length > 0,
    content: html`<h1>${title}</h1>
${done && notice('done', html`<p>${done}</p>`)}
${check && result(check)}
${wasFaster && notice('problem', html`${overtaken}<p><a href="${page}">See the current settings</a></p>`)}
<dl>
<dt>FHIR base of the EHR</dt><dd><code>${config.issuer}</code></dd>
</dl>
<h2>Settings to enter in the EHR</h2>
<dl>
<dt>Launch URL</dt><dd><code>${address}/launch/${config.id}</code></dd>
<dt>Redirect URL</dt><dd><code>${address}${callbackPathOf(config.id)}</code></dd>
<dt>Public keys, if Sharewell authenticates with a private key</dt><dd><code>${address}/launch/jwks.json</code></dd>
<dt>Scopes</dt><dd><code>${config.scope}</code></dd>
</dl>
<h2>Connection</h2>
${form({ action: `${page}/check`, token, fields: [], button: 'Check the connection' })}
<h2>Change its settings</h2>
${ehrForm({ action: page, token, button: 'Save', state, isKnown: true, knowsSecret: config.secret !== undefined, version: ehrVersion(config) })}
<h2>Remove this EHR</h2>
<p>It signs nobody in any more, and people in its frames are signed out. Others stay signed in until their sessions end; accounts stay linked to its users.</p>
${form({ action: `${page}/remove`, token, fields: [], button: 'Remove this EHR' })}
<p><a href="${all}">Back to the EHRs</a></p>`,
  })
}

const result = (check: EhrCheck): Html => {
  if (check.kind === 'refused') return notice('problem', html`<p>A launch would fail: ${check.reason}.</p>`)
  const { metadata, problems } = check
  return html`${
    problems.length === 0
      ? notice('done', html`<p>It answers, and offers what a launch needs.</p>`)
      : notice(
          'problem',
          html`<p>It answers, but a launch would fail:</p><ul>${problems.map(one => html`<li>${one}</li>`)}</ul>`,
        )
  }
<dl>
<dt>Issuer</dt><dd><code>${metadata.issuer}</code></dd>
<dt>Authorization endpoint</dt><dd><code>${metadata.authorization_endpoint}</code></dd>
<dt>Token endpoint</dt><dd><code>${metadata.token_endpoint}</code></dd>
<dt>Keys</dt><dd><code>${metadata.jwks_uri}</code></dd>
</dl>`
}
