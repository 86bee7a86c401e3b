import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, InjectOptions } from 'fastify'
import t from 'tap'
import { openSamlInstitution } from '../auth/sso/saml-institution.ts'
import { fhirWorld } from '../support/fhir-server.ts'

/** All routes, as they are added. https://fastify.dev/docs/latest/Reference/Hooks/#diagnostics-channel-hooks */
const routes: { readonly path: string; readonly methods: readonly string[] }[] = []
subscribe('fastify.initialization', message => {
  const { fastify } = message as { readonly fastify: FastifyInstance }
  fastify.addHook('onRoute', ({ url, method }) => {
    const isOurs = method !== 'OPTIONS' && !/^\/(fhir|docs)\//.test(url) && url !== '/fhir'
    if (isOurs) routes.push({ path: url, methods: [method].flat() })
  })
})
const institution = {
  OIDC_ISSUER: 'https://idp.example.org',
  OIDC_CLIENT_ID: 'sharewell',
  OIDC_CLIENT_SECRET: 'secret',
  SSO_DOMAINS: 'example.org',
  METRICS_TOKEN: 'm'.repeat(32),
}
const { server } = await fhirWorld(institution, { pauseMs: 60_000, retries: 0 })
const saml = await openSamlInstitution()
t.teardown(() => Promise.all([server.close(), saml.server.close()]))

/** Every route that needs no token, and why. Each new one is added here. */
const open: Readonly<Record<string, string>> = {
  '/': 'leads to the account page, and there to sign-in',
  '/healthz': 'whether the process lives; it says nothing else',
  '/readyz': 'whether the database answers; it says nothing else',
  '/metadata': 'what the server can do',
  '/.well-known/smart-configuration': 'where tokens come from',
  '/metadata/': 'what the server can do',
  '/.well-known/smart-configuration/': 'where tokens come from',
  '/.well-known/oauth-authorization-server/oauth': 'the same, for those who know OAuth alone',
  '/.well-known/openid-configuration/oauth': 'the same, where others look who know OpenID Connect',
  '/.well-known/oauth-authorization-server': 'nothing: it says which issuer is meant',
  '/.well-known/openid-configuration': 'the same',
  '/oauth': 'nothing: it says where the endpoints are named',
  '/.well-known/assetlinks.json': 'which Android apps open invitations, as the operator has configured it',
  '/.well-known/apple-app-site-association': 'the same for iPhones',
  '/FHIR/R5/metadata': 'what the server can do for clients of R5',
  '/FHIR/R5/.well-known/smart-configuration': 'where tokens come from',
  '/FHIR/R5/metadata/': 'what the server can do for clients of R5',
  '/FHIR/R5/.well-known/smart-configuration/': 'where tokens come from',
  '/openapi.json': 'what the server can do',
  '/docs': 'the same, to browse',
  '/ws': 'a websocket hears nothing before it is bound with a token',
  '/favicon.ico': 'the icon of the pages, the same for all',
  '/static/*': 'styles of the pages, the same for all',
  '/static/bootstrap/*': 'the look of the pages, the same for all',
  '/static/uplot/*': 'what draws the charts of the pages, the same for all',
  '/smart-style/1.json': 'how our pages look, for apps that are opened from them',
  '/oauth/*':
    'where apps get tokens: each endpoint asks who the client is, and a page asks the person; registering grants nothing',
  '/launch': 'where an EHR sends a browser: only the EHRs that are configured are asked anything',
  '/launch/:config': 'the same, for one configuration of it',
  '/launch/:config/callback': 'answers a launch that began in the same browser, once',
  '/launch/jwks.json': 'public keys',
  '/launched/:arrival': 'what a launch brought, for the browser that it began in alone, by a cookie of its own',
  '/launched/:arrival/account': 'the same, and it asks for the password of an account',
  '/launched/:arrival/patient': 'the same, and it asks for a session',
  '/launched/:arrival/tab':
    'the same for a tab that our page in a frame has opened: by what that page carries, and if the browser says that it was ours',
  '/m/phr/cloud-sharing/authorize':
    'opened by what a partner has signed alone, and leads to the page that asks the patient',
  '/authorize/:id':
    'a request of an app, for the browser that began it alone, by a cookie of its own; it asks for a session',
  '/sso': 'leads to the one identity provider that is configured, and says nothing of anybody',
  '/sso/callback': 'answers a sign-in that began in the same browser, once',
  '/sso/acs':
    'takes nothing but what the provider has signed, in answer to a request that a browser was sent out with, once',
  '/sso/metadata': 'how this server is told to a provider that speaks SAML',
  '/sso/arrivals/:arrival':
    'who has come from the provider, for the browser that it began in alone, by a cookie of its own',
  '/sso/arrivals/:arrival/link': 'the same, and it asks for a session that has just begun by password',
  '/sso/arrivals/:arrival/account': 'the same, and it makes an account as SSO_SIGN_UP allows',
  '/sign-in': 'where a session begins: it answers what nobody knows and what is wrong alike',
  '/second-factor':
    'the second half of a sign-in, or setting up what it needs: for the browser that has shown the first, by a cookie of its own, for ten minutes',
  '/sign-up': 'where a link is sent to an address: the answer is one, whether or not somebody has it',
  '/forgotten-password': 'the same',
  '/new-password': 'opened by a link alone, as /new-account',
  '/not-my-account':
    'opened by a link alone, which is sent to the address that it takes off an account, and to no other: it tells nothing of the account',
  '/verification': 'opened by a link that was sent, and confirms an address to nobody but the account signed in',
  '/email-change':
    'opened by a link alone, as /new-account; that of a new address asks for the session of the account as well',
  '/invitation':
    'opened by a link alone, as /new-account: before a code that is sent and the birth date are shown it says nothing of anybody',
  '/invitation/code': 'the same: it sends the code to the address that was invited, and to no other',
  '/invitation/account':
    'for the browser that has shown whose the invitation is, by a cookie of its own, for half an hour',
  '/join':
    'opened by a link alone, as /new-account; it gives a role to an account with the address that it was sent to, and to no other',
  '/outbox':
    'letters that are not sent, where nothing is configured: for browsers on this machine alone, and without a proxy in between',
  '/api/v1/invitation/:token':
    'opened by what stands in an app’s link of a message alone, for an app that the operator trusts: it gives a code, which is of use with that',
  '/new-account': 'opened by a link alone, which is a secret of 256 bits that works once',
}

/** Routes of other contracts over the same resources, which need a token as the FHIR API does, or a partner's secret. */
const byToken = [
  '/FHIR/R5',
  '/FHIR/R5/:type',
  '/FHIR/R5/:type/_search',
  '/FHIR/R5/:type/:id',
  '/FHIR/R5/:type/:id/_history/:versionId',
  '/api/v1/clients',
  '/api/v1/data_sources',
  '/api/v1/observations',
  '/api/v1/organizations',
  '/api/v1/organizations/:id',
  '/api/v1/patients',
  '/api/v1/patients/:id',
  '/api/v1/patients/:id/consents',
  '/api/v1/patients/global_lookup',
  '/api/v1/patients/me',
  '/api/v1/sharing-partners/:partner',
  '/api/v1/sharing-partners/:partner/signing_keys',
  '/api/v1/sharing-partners/:partner/users/:user',
  '/api/v1/studies',
  '/api/v1/studies/:id',
  '/api/v1/users/profile',
  '/omh/v1/dataPoints',
  '/omh/v1/dataPoints/:id',
]

/** Routes of the operator's own programs, which need a token that is configured, and that no caller has. */
const byOperatorsToken = ['/metrics']

/** Routes that need the cookie of a session instead: without one a page leads to sign-in, and no form is accepted. */
const signedIn = [
  '/account',
  '/account/apps',
  '/account/apps/own',
  '/account/contacts',
  '/account/contacts/:record',
  '/account/data',
  '/account/data/fhir.ndjson',
  '/account/data/open-mhealth.json',
  '/account/data/readings.csv',
  '/account/disclosures',
  '/account/email',
  '/account/ehrs',
  '/account/institution',
  '/account/name',
  '/account/password',
  '/account/readings',
  '/account/readings/:reading',
  '/account/readings/:reading/mark',
  '/account/readings/:reading/unmark',
  '/account/refused',
  '/account/refused/:document',
  '/account/refused/:document/remove',
  '/account/second-factor',
  '/account/second-factor/off',
  '/account/second-factor/recovery-codes',
  '/account/second-factor/set-up',
  '/account/sessions',
  '/account/sessions/end-others',
  '/account/sessions/ending',
  '/account/sessions/keep',
  '/account/verification',
  '/audit',
  '/audit/events.csv',
  '/devices',
  '/devices/new',
  '/devices/:device',
  '/devices/:device/policy',
  '/devices/:device/quarantine',
  '/devices/:device/quarantine/replay',
  '/devices/:device/restore',
  '/devices/:device/retire',
  '/devices/:device/uploads',
  '/organizations',
  '/organizations/new',
  '/organizations/:organization',
  '/organizations/:organization/change',
  '/organizations/:organization/close',
  '/organizations/:organization/contacts',
  '/organizations/:organization/move',
  '/organizations/:organization/new',
  '/organizations/:organization/open',
  '/organizations/:organization/invitations/:invitation/again',
  '/organizations/:organization/invitations/:invitation/cancel',
  '/organizations/:organization/people',
  '/organizations/:organization/people/:role',
  '/organizations/:organization/people/:role/details',
  '/organizations/:organization/people/:role/remove',
  '/organizations/:organization/people/invite',
  '/organizations/:organization/apps',
  '/organizations/:organization/apps/new',
  '/organizations/:organization/apps/:app',
  '/organizations/:organization/apps/:app/disable',
  '/organizations/:organization/apps/:app/enable',
  '/organizations/:organization/apps/:app/secret',
  '/organizations/:organization/ehrs',
  '/organizations/:organization/ehrs/new',
  '/organizations/:organization/ehrs/:ehr',
  '/organizations/:organization/ehrs/:ehr/check',
  '/organizations/:organization/ehrs/:ehr/remove',
  '/patients',
  '/patients/:id',
  '/patients/:id/app',
  '/patients/:id/change',
  '/patients/:id/record',
  '/patients/imports',
  '/patients/imports/:id',
  '/patients/imports/:id/cancel',
  '/patients/imports/:id/confirm',
  '/patients/imports/:id/progress',
  '/patients/imports/template.csv',
  '/patients/new',
  '/sign-out',
  '/system',
  '/system/administrators',
  '/system/administrators/:person',
  '/system/apps',
  '/system/apps/:app',
  '/system/apps/:app/disable',
  '/system/apps/:app/enable',
  '/system/apps/:app/records-consent',
  '/system/events',
  '/system/events.csv',
  '/system/retry',
  '/studies',
  '/shared',
  '/shared/:consent',
  '/sharing',
  '/sharing/:study',
  '/sharing/:study/copy',
  '/sharing/:study/paper',
  '/sharing/:study/decline',
  '/sharing/:study/sign',
  '/sharing/with',
  '/sharing/with/organization/:id',
  '/sharing/with/organization/:id/copy',
  '/sharing/with/organization/:id/decline',
  '/sharing/with/organization/:id/sign',
  '/sharing/with/practitioner/:id',
  '/sharing/with/practitioner/:id/copy',
  '/sharing/with/practitioner/:id/decline',
  '/sharing/with/practitioner/:id/sign',
  '/studies/:id',
  '/studies/:id/actions/:action',
  '/studies/:id/actions/:action/stop',
  '/studies/:id/actions/:action/progress',
  '/studies/:id/enrolment',
  '/studies/:id/invitations',
  '/studies/:id/people/:subject',
  '/studies/:id/people/:subject/cancel',
  '/studies/:id/people/:subject/code',
  '/studies/:id/people/:subject/end',
  '/studies/:id/people/:subject/invite',
  '/studies/:id/people/:subject/paper',
  '/studies/:id/people/:subject/paper/confirm',
  '/studies/:id/people/:subject/paper/discard',
  '/studies/:id/people/:subject/paper/scan',
  '/studies/:id/people/:subject/withdrawal',
  '/organizations/:organization/studies/new',
  '/studies/:id/arrivals',
  '/studies/:id/completeness',
  '/studies/:id/notebook',
  '/studies/:id/notebook/readings.csv',
  '/studies/:id/notebook/readings.ndjson',
  '/quarantine/:document',
  '/quarantine/:document/remove',
  '/quarantine/:document/replay',
  '/studies/:id/quarantine',
  '/studies/:id/quarantine/replay',
  '/studies/:id/settings',
  '/studies/:id/settings/access',
  '/studies/:id/settings/data',
  '/studies/:id/settings/data/reason',
  '/studies/:id/settings/data/remove',
  '/studies/:id/settings/facts',
  '/studies/:id/settings/paper',
  '/studies/:id/settings/policy',
  '/studies/:id/settings/staff',
  '/studies/:id/settings/staff/:place',
  '/studies/:id/settings/staff/:place/remove',
  '/studies/:id/settings/status',
  '/studies/:id/settings/text',
  '/studies/:id/settings/text/draft/:language',
  '/studies/:id/settings/text/preview/:language',
  '/studies/:id/settings/text/publish',
  '/studies/:id/settings/text/recipients',
  '/studies/:id/settings/text/versions/:version',
]

t.test('every route outside the FHIR API is known to be open, or asks who is there', async t => {
  t.same(
    [...new Set(routes.map(({ path }) => path))].toSorted(),
    [...Object.keys(open), ...byToken, ...byOperatorsToken, ...signedIn].toSorted(),
  )
})

t.test('a face answers nobody without a token', async t => {
  for (const { path, methods } of routes.filter(({ path }) => byToken.includes(path)))
    for (const method of methods as InjectOptions['method'][])
      t.equal(
        (await server.inject({ method: method ?? 'GET', url: path.replace(':id', 'x') })).statusCode,
        401,
        `${method} ${path}`,
      )
})

t.test('what is for the operator’s programs answers no caller, whatever their token may do', async t => {
  for (const url of byOperatorsToken)
    for (const headers of [{}, { authorization: 'Bearer everything' }, { authorization: `Bearer ${'n'.repeat(32)}` }])
      t.equal((await server.inject({ url, headers })).statusCode, 401, url)
})

t.test('a page that needs a session sends others to sign-in', async t => {
  for (const { path, methods } of routes.filter(({ path }) => signedIn.includes(path))) {
    if (methods.includes('GET')) {
      const { statusCode, headers, body } = await server.inject({ url: path })
      t.same([statusCode, headers.location, body], [303, `/sign-in?continue=${encodeURIComponent(path)}`, ''], path)
    }
    if (methods.includes('POST')) t.not((await server.inject({ method: 'POST', url: path })).statusCode, 200, path)
  }
})

t.test('what comes back from a provider is of use only in the browser in which it began', async t => {
  const arrival = `/sso/arrivals/${'0'.repeat(43)}`
  t.equal((await server.inject({ url: arrival })).statusCode, 410)
  for (const url of [`${arrival}/link`, `${arrival}/account`])
    t.equal((await server.inject({ method: 'POST', url })).statusCode, 403, url)
})

t.test('what a launch brought is of use only in the browser in which it began', async t => {
  const arrival = `/launched/${'0'.repeat(43)}`
  for (const [method, url] of [
    ['GET', arrival],
    ['POST', `${arrival}/account`],
    ['POST', `${arrival}/patient`],
  ] as const) {
    const { statusCode } = await server.inject({ method, url })
    t.ok(statusCode >= 400 && statusCode < 500, `${method} ${url}: ${statusCode}`)
  }
})
