import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import smart from 'fhirclient'
import { exportJWK, generateKeyPair } from 'jose'
import * as oidc from 'openid-client'
import t from 'tap'
import type { SignedIn } from '../../src/auth/request/user-interaction.ts'
import { openAccount } from '../../src/storage/account/user-account.ts'
import type { ClientMetadata } from '../../src/storage/authorization/client-registration.ts'
import { openApps } from './world.ts'

/** Unmodified libraries of others, against a server that listens. */
const world = await openApps({ PORT: '0' })
const { server, database, ann, bob, lab, study, account, signIn, client } = world
await server.listen({ port: 0, host: '127.0.0.1' })
const base = `http://localhost:${(server.server.address() as AddressInfo).port}`

/** The app: what fhirclient does at each of its URLs. */
const app = createServer((request, response) => handle(request, response))
let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {}
const origin = await new Promise<string>(resolve => {
  app.listen(0, '127.0.0.1', () => resolve(`http://localhost:${(app.address() as AddressInfo).port}`))
})
const back = `${origin}/back`
t.teardown(async () => {
  app.close()
  await server.close()
})

const anns = await signIn(await account(ann))
const staff = await signIn(await openAccount(database, study.researcher.email, study.researcher.person))

const makeKey = async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES384', { extractable: true })
  const named = { kid: 'app-1', alg: 'ES384' }
  return {
    privateKey,
    privateJwk: { ...(await exportJWK(privateKey)), ...named, key_ops: ['sign'], ext: true },
    publicJwk: { ...(await exportJWK(publicKey)), ...named },
  }
}
const key = await makeKey()
const apps: Readonly<Record<string, Partial<ClientMetadata>>> = {
  public: {},
  symmetric: { token_endpoint_auth_method: 'client_secret_basic' },
  asymmetric: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.publicJwk as never] } },
}
const appOf = (kind: string, more: Partial<ClientMetadata> = {}) =>
  client({
    metadata: { redirect_uris: [back], ...apps[kind], ...more },
    organization: lab.organization,
    scope: 'user/*.rs',
  })

/** A browser that follows redirections, keeps its cookies, and has a person in front of it who agrees to everything. */
const openBrowser = (who: SignedIn, patient?: string) => {
  const cookies = new Map<string, string>()
  const header = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const agree = async (id: string): Promise<string> => {
    const { interactions } = server.authorization
    const found = await interactions.find(id, header(), who)
    if (found.kind !== 'decide') throw new Error(found.kind)
    return interactions.allow(id, header(), who, { scopes: found.scopes, patient })
  }
  const go = async (url: string): Promise<string> => {
    if (url.startsWith(back)) return url
    if (url.startsWith(`${base}/authorize/`)) return go(await agree(url.slice(`${base}/authorize/`.length)))
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie: header() } })
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      cookies.set(name, value)
    }
    const location = answer.headers.get('location')
    if (location === null) throw new Error(`${answer.status} ${await answer.text()}`)
    return go(new URL(location, url).href)
  }
  return go
}

for (const kind of Object.keys(apps)) {
  t.test(`openid-client finds the server, and a ${kind} app signs a person in and refreshes`, async t => {
    const { id, secret } = await appOf(kind)
    const authentication = {
      public: oidc.None(),
      symmetric: oidc.ClientSecretBasic(secret),
      asymmetric: oidc.PrivateKeyJwt({ key: key.privateKey, kid: 'app-1' }),
    }[kind]
    const config = await oidc.discovery(new URL(`${base}/oauth`), id, undefined, authentication, {
      execute: [oidc.allowInsecureRequests],
    })
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier()
    const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()]
    const url = oidc.buildAuthorizationUrl(config, {
      redirect_uri: back,
      scope: 'openid fhirUser launch/patient patient/Patient.rs offline_access',
      aud: `${base}/fhir`,
      state: expectedState,
      nonce: expectedNonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const came = new URL(await openBrowser(anns)(url.href))
    const tokens = await oidc.authorizationCodeGrant(config, came, { pkceCodeVerifier, expectedState, expectedNonce })
    t.match(tokens, { token_type: 'bearer', patient: ann, scope: /patient\/Patient\.rs/ })
    t.match(tokens.claims(), { sub: anns.person, fhirUser: `${base}/fhir/Patient/${ann}` })
    const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? '')
    t.match(refreshed, { patient: ann, expires_in: 3600 })
    t.match(await oidc.tokenIntrospection(config, refreshed.access_token), { active: true, patient: ann })
    await oidc.tokenRevocation(config, refreshed.access_token)
    t.match(await oidc.tokenIntrospection(config, refreshed.access_token), { active: false })
  })
}

t.test('a client that only knows OAuth finds the server through the metadata of RFC 8414, from any page', async t => {
  const options: oidc.DiscoveryRequestOptions = { algorithm: 'oauth2', execute: [oidc.allowInsecureRequests] }
  const found = await oidc.discovery(new URL(`${base}/oauth`), 'app', undefined, oidc.None(), options)
  t.match(found.serverMetadata(), { issuer: `${base}/oauth`, token_endpoint: `${base}/oauth/token` })
  const url = `${base}/.well-known/oauth-authorization-server/oauth`
  const answer = await fetch(url, { headers: { origin: 'https://anywhere.example' } })
  t.match(answer.headers.get('access-control-allow-origin'), /^(\*|https:\/\/anywhere\.example)$/)
})

t.test('openid-client registers an app, and gets a token for a backend service', async t => {
  const options = { execute: [oidc.allowInsecureRequests] }
  const metadata = { client_name: 'Registered', redirect_uris: [back] }
  const registered = await oidc.dynamicClientRegistration(new URL(`${base}/oauth`), metadata, undefined, options)
  t.match(registered.clientMetadata(), { client_id: String, client_secret: String })

  const { id } = await client({
    organization: lab.organization,
    scope: 'system/Patient.rs',
    metadata: { ...apps.asymmetric, redirect_uris: [], response_types: [], grant_types: ['client_credentials'] },
  })
  const authentication = oidc.PrivateKeyJwt({ key: key.privateKey, kid: 'app-1' })
  const config = await oidc.discovery(new URL(`${base}/oauth`), id, undefined, authentication, options)
  t.has(await oidc.clientCredentialsGrant(config, { scope: 'system/*.rs' }), {
    scope: 'system/Patient.rs',
    expires_in: 300,
  })
})

type SmartClient = Awaited<ReturnType<ReturnType<typeof smart>['ready']>>

/** fhirclient in an app with a server of its own: it starts at one URL, and is ready at another. */
const launchWith = async (options: object, begin: string, who: SignedIn, patient?: string): Promise<SmartClient> => {
  const kept = new Map<string, unknown>()
  const storage = {
    get: async (name: string) => kept.get(name),
    set: async (name: string, value: unknown) => kept.set(name, value),
    unset: async (name: string) => kept.delete(name),
  }
  return new Promise((resolve, reject) => {
    handle = (request, response) => {
      const api = smart(request as never, response as never, storage as never)
      if (request.url?.startsWith('/back')) {
        // It sends the browser to the same URL without the code once it has been exchanged.
        api.ready().then(ready => response.end(() => resolve(ready)), reject)
      } else api.authorize({ redirectUri: '/back', pkceMode: 'required', ...options } as never).catch(reject)
    }
    openBrowser(
      who,
      patient,
    )(begin)
      .then(url => fetch(url))
      .catch(reject)
  })
}

for (const kind of Object.keys(apps)) {
  t.test(`fhirclient launches a ${kind} app standalone, reads and refreshes`, async t => {
    const { id, secret } = await appOf(kind)
    const options = {
      iss: `${base}/fhir`,
      clientId: id,
      scope: 'openid fhirUser launch/patient patient/*.rs offline_access',
      ...(kind === 'symmetric' ? { clientSecret: secret } : {}),
      ...(kind === 'asymmetric' ? { clientPrivateJwk: key.privateJwk } : {}),
    }
    const app = await launchWith(options, `${origin}/launch`, anns)
    t.equal(app.patient.id, ann)
    t.match(await app.patient.read(), { resourceType: 'Patient', id: ann })
    t.equal(app.user.fhirUser, `Patient/${ann}`)
    t.match(await app.user.read(), { resourceType: 'Patient', id: ann })
    t.match(await app.request(`Observation?patient=${ann}`), { resourceType: 'Bundle' })
    // It signs no assertion when it refreshes, so no server could recognize it.
    if (kind === 'asymmetric') return
    const before = app.state.tokenResponse?.access_token
    await app.refresh()
    t.not(app.state.tokenResponse?.access_token, before)
    t.match(await app.patient.read(), { id: ann })
  })
}

t.test('fhirclient is opened from our pages for a patient', async t => {
  const { id } = await appOf('public', { launch_uris: [`${origin}/launch`] })
  const url = await server.authorization.launches.open(staff.person, id, { patient: bob, needPatientBanner: false })
  const app = await launchWith(
    { clientId: id, scope: 'launch openid fhirUser patient/Patient.rs user/Patient.rs' },
    url,
    staff,
  )
  t.equal(app.patient.id, bob)
  t.equal(app.state.tokenResponse?.need_patient_banner, false)
  t.match(await app.patient.read(), { id: bob })
  t.equal(app.user.fhirUser, `Practitioner/${study.researcher.practitioner}`)
})
