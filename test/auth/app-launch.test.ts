import jose from 'node-jose'
import t from 'tap'
import { endSession } from '../../src/storage/account/session.ts'
import { assertion, assertionType, type Key, makeKey } from './backend.ts'
import { type Asked, authorizeQuery, base, fhir, openApps, pkce, redirectUri, tokenRequest } from './world.ts'

const world = await openApps()
const { server, database, ann, bob, account, signIn, client, send } = world
t.teardown(() => server.close())

const annsAccount = await account(ann)
const anns = await signIn(annsAccount)
const [rsa, ec] = await Promise.all([makeKey('RS384'), makeKey('ES384')])

/** Every kind of app, and how it authenticates at the token endpoint. */
const byKey = async (key: Key) => {
  const metadata = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.jwk] } }
  const { id } = await client({ metadata })
  return {
    id,
    authenticate: async () => ({
      form: { client_assertion_type: assertionType, client_assertion: await assertion(id, key) },
      headers: {},
    }),
  }
}
const bySecret = async (method: 'client_secret_basic' | 'client_secret_post') => {
  const { id, secret } = await client({ metadata: { token_endpoint_auth_method: method } })
  const basic = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
  return {
    id,
    authenticate: async () =>
      method === 'client_secret_basic'
        ? { form: {}, headers: basic }
        : { form: { client_id: id, client_secret: secret }, headers: {} },
  }
}
const publicApp = async () => {
  const { id } = await client({})
  return { id, authenticate: async () => ({ form: { client_id: id }, headers: {} }) }
}
type App = { id: string; authenticate: () => Promise<{ form: Asked; headers: Record<string, string> }> }

const scopes = [
  'launch/patient',
  'openid',
  'fhirUser',
  'offline_access',
  'patient/Patient.rs',
  'patient/Observation.read',
]

const launch = async (
  app: App,
  method: 'GET' | 'POST',
  granted: readonly string[] = scopes,
  asked = scopes,
  who = anns,
) => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(app.id, asked.join(' '), challenge), method)
  const back = await browser.allow(begun.id, who, { scopes: granted })
  const code = back.searchParams.get('code') ?? ''
  const { form, headers } = await app.authenticate()
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return { back, exchange, token: await tokenRequest(server, { ...exchange, ...form }, headers) }
}

const kinds = {
  public: await publicApp(),
  'symmetric, Basic': await bySecret('client_secret_basic'),
  'symmetric, in the body': await bySecret('client_secret_post'),
  'asymmetric, RS384': await byKey(rsa),
  'asymmetric, ES384': await byKey(ec),
} satisfies Record<string, App>

for (const [kind, app] of Object.entries(kinds) as [string, App][]) {
  for (const method of ['GET', 'POST'] as const) {
    t.test(`a ${kind} app launches standalone with ${method}, and refreshes`, async t => {
      const { back, token } = await launch(app, method)
      t.equal(`${back.origin}${back.pathname}`, redirectUri)
      t.match(Object.fromEntries(back.searchParams), {
        code: /^[\w-]{43}$/,
        state: 'state-of-the-app',
        iss: `${base}/oauth`,
      })
      t.equal(token.status, 200)
      t.match(token.headers, {
        'cache-control': 'no-store',
        pragma: 'no-cache',
        'content-type': /^application\/json/,
      })
      t.match(token.body, {
        access_token: /^[\w-]{43}$/,
        refresh_token: /^[\w-]{43}$/,
        token_type: 'Bearer',
        expires_in: 3600,
        patient: ann,
        need_patient_banner: true,
        smart_style_url: `${base}/smart-style/1.json`,
      })
      t.strictSame(token.body.scope.split(' '), scopes)
      t.equal((await send(token.body.access_token, 'GET', `Patient/${ann}`)).statusCode, 200)

      const { form, headers } = await app.authenticate()
      const refresh = { grant_type: 'refresh_token', refresh_token: token.body.refresh_token }
      const again = await tokenRequest(server, { ...refresh, ...form }, headers)
      t.equal(again.status, 200)
      t.match(again.headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
      t.has(again.body, { token_type: 'Bearer', expires_in: 3600, patient: ann, scope: scopes.join(' ') })
      t.not(again.body.access_token, token.body.access_token)
      t.not(again.body.refresh_token, token.body.refresh_token)
    })
  }
}

t.test('a public app refreshes without its client_id, as in SMART', async t => {
  const { token } = await launch(kinds.public, 'GET')
  const refreshed = await tokenRequest(server, {
    grant_type: 'refresh_token',
    refresh_token: token.body.refresh_token,
  })
  t.match(refreshed, { status: 200, body: { patient: ann } })
  const { token: confidential } = await launch(kinds['symmetric, Basic'], 'GET')
  const unauthenticated = { grant_type: 'refresh_token', refresh_token: confidential.body.refresh_token }
  t.match(
    await tokenRequest(server, unauthenticated),
    { status: 401, body: { error: 'invalid_client' } },
    'nobody else',
  )
})

t.test('a refresh can ask for less, never for more', async t => {
  const { token } = await launch(kinds.public, 'GET')
  const refresh = (refresh_token: string, scope: string) =>
    tokenRequest(server, { grant_type: 'refresh_token', refresh_token, scope, client_id: kinds.public.id })
  const less = await refresh(token.body.refresh_token, 'patient/Patient.rs')
  t.has(less, { status: 200, body: { scope: 'patient/Patient.rs' } })
  t.equal((await send(less.body.access_token, 'GET', 'Observation')).statusCode, 403)
  const more = await refresh(less.body.refresh_token, 'patient/Patient.cruds')
  const wider = 'what the refresh token was granted has no patient/Patient.cruds'
  t.match(more, { status: 400, body: { error: 'invalid_scope', error_description: wider } })
  const again = await refresh(less.body.refresh_token, '')
  t.has(again, { status: 200, body: { scope: scopes.join(' ') } })
  const narrower = await refresh(again.body.refresh_token, 'patient/Patient.r')
  t.has(narrower, { status: 200, body: { scope: 'patient/Patient.r' } })
  const granted = await refresh(narrower.body.refresh_token, '')
  t.has(granted, { status: 200, body: { scope: scopes.join(' ') } }, 'what was asked for in between is granted no more')
})

t.test('a refresh with two scopes is refused, and uses up nothing', async t => {
  const { token } = await launch(kinds.public, 'GET')
  const refresh = (more: string) =>
    server.inject({
      method: 'POST',
      url: '/oauth/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: `grant_type=refresh_token&refresh_token=${token.body.refresh_token}&scope=patient/Patient.rs${more}`,
    })
  for (const other of ['patient/Patient.rs', 'patient/Patient.cruds', ''])
    t.match((await refresh(`&scope=${other}`)).json(), {
      error: 'invalid_request',
      error_description: "'scope' parameter must not be provided twice",
    })
  t.equal((await refresh('')).statusCode, 200)
})

t.test('a token request for another resource is refused, and uses up nothing', async t => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(kinds.public.id, scopes.join(' '), challenge))
  const back = await browser.allow(begun.id, anns, { scopes })
  const code = back.searchParams.get('code') ?? ''
  const own = { client_id: kinds.public.id }
  const exchange = {
    ...own,
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }
  const ask = async (form: Asked, resources: readonly string[]) => {
    const sent = new URLSearchParams(Object.entries(form).flatMap(([name, value]) => (value ? [[name, value]] : [])))
    for (const one of resources) sent.append('resource', one)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return server.inject({ method: 'POST', url: '/oauth/token', headers, payload: sent.toString() })
  }
  const others = [
    ['https://elsewhere.example/fhir'],
    [`${fhir}/`],
    ['nothing'],
    [fhir, 'https://elsewhere.example/fhir'],
    ['https://elsewhere.example/fhir', fhir],
  ]
  const refuses = async (form: Asked) => {
    for (const resources of others) {
      const { statusCode, body } = await ask(form, resources)
      t.equal(statusCode, 400, resources.join())
      t.same(JSON.parse(body), { error: 'invalid_target', error_description: `the only resource is ${fhir}` })
    }
  }
  await refuses(exchange)
  const given = await ask(exchange, [fhir])
  t.equal(given.statusCode, 200, given.body)
  const refresh = { ...own, grant_type: 'refresh_token', refresh_token: given.json().refresh_token }
  await refuses(refresh)
  t.equal((await ask(refresh, [fhir])).statusCode, 200)
})

t.test('a refresh can ask for a part of what was granted in other words', async t => {
  const asked = ['patient/*.rs', 'patient/Observation.c', 'patient/Observation.u', 'offline_access']
  let { body } = (await launch(kinds.public, 'GET', asked, asked)).token
  const refresh = async (scope: string) => {
    const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: kinds.public.id }
    const answer = await tokenRequest(server, { ...form, scope })
    if (answer.status === 200) body = answer.body
    return answer.status === 200 ? answer.body.scope : answer.body.error
  }
  const uri = 'http://smarthealthit.org/fhir/scopes/patient/Patient.r'
  for (const scope of [
    'patient/Patient.r',
    'patient/Patient.read',
    'patient/Observation.crus',
    'patient/Observation.rs?code=http://loinc.org|8867-4',
    'patient/*.s',
    uri,
  ])
    t.equal(await refresh(scope), scope)
  t.equal((await send(body.access_token, 'GET', `Patient/${ann}`)).statusCode, 200)
  t.equal((await send(body.access_token, 'GET', 'Observation')).statusCode, 403, 'the token does no more')
  for (const scope of [
    'patient/Observation.cruds',
    'patient/Patient.c',
    'patient/*.cruds',
    'patient/Nothing.rs',
    'patient/Observation.rs?colour=red',
    'user/Patient.r',
    'launch/patient',
  ])
    t.equal(await refresh(scope), 'invalid_scope', scope)
  t.equal(await refresh(''), asked.join(' '), 'the grant itself is not changed')
})

t.test('the id_token is signed with a published key, and says who signed in', async t => {
  const { token } = await launch(kinds.public, 'GET')
  const keys = (await server.inject('/oauth/jwks.json')).json()
  t.ok(
    keys.keys.every((key: object) => !('d' in key)),
    'no private part is',
  )
  const store = await jose.JWK.asKeyStore(keys)
  const { header, payload } = await jose.JWS.createVerify(store).verify(token.body.id_token)
  t.match(header, { alg: 'RS256', kid: keys.keys[0].kid })
  const claims = JSON.parse(payload.toString())
  t.match(claims, { iss: `${base}/oauth`, aud: kinds.public.id, sub: annsAccount, fhirUser: `${fhir}/Patient/${ann}` })
  t.ok(claims.exp > Date.now() / 1000)
  const own = await launch(kinds.public, 'GET', ['openid', 'fhirUser'], ['openid', 'fhirUser'])
  t.equal((await send(own.token.body.access_token, 'GET', `Patient/${ann}`)).statusCode, 200, 'it can be read')
  t.equal((await send(own.token.body.access_token, 'GET', 'Patient')).statusCode, 403, 'only that one')
  const without = await launch(
    kinds.public,
    'GET',
    ['patient/Patient.rs'],
    ['openid', 'fhirUser', 'patient/Patient.rs'],
  )
  t.equal(without.token.body.id_token, undefined, 'without the scope there is none')
})

t.test('staff are a Practitioner, whom the app can read because of fhirUser alone', async t => {
  const { person, practitioner } = world.study.researcher
  const asked = ['openid', 'fhirUser']
  const { token } = await launch(kinds.public, 'GET', asked, asked, await signIn(person))
  const claims = JSON.parse(Buffer.from(token.body.id_token.split('.')[1], 'base64url').toString())
  t.match(claims, { sub: person, fhirUser: `${fhir}/Practitioner/${practitioner}` })
  t.equal((await send(token.body.access_token, 'GET', `Practitioner/${practitioner}`)).statusCode, 200)
  t.equal((await send(token.body.access_token, 'GET', 'Practitioner')).statusCode, 403)
})

t.test('the discovery document names the claims that an id_token may have, and no other', async t => {
  const { claims_supported } = (await server.inject('/oauth/.well-known/openid-configuration')).json()
  t.strictSame(claims_supported, ['sub', 'fhirUser', 'auth_time', 'iss'])
})

t.test('the nonce comes back, and so do the time and method of the sign-in if asked for', async t => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const query = authorizeQuery(kinds.public.id, 'openid', challenge, { nonce: 'n-0S6', max_age: '3600' })
  const { id } = await browser.begin(query)
  const code = (await browser.allow(id, anns, { scopes: ['openid'] })).searchParams.get('code') ?? ''
  const { body } = await tokenRequest(server, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: kinds.public.id,
  })
  const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString())
  t.match(claims, { nonce: 'n-0S6', auth_time: Number })
})

for (const method of ['GET', 'POST'] as const) {
  t.test(`with ${method}, an app that asks for data alone may send what only OpenID Connect reads`, async t => {
    const { verifier, challenge } = pkce()
    const browser = world.browser()
    const more = { nonce: 'n-0S6', acr_values: '1', claims_locales: 'de', id_token_hint: 'x.y.z' }
    const query = authorizeQuery(kinds.public.id, 'patient/Patient.rs', challenge, more)
    const { id } = await browser.begin(query, method)
    const back = await browser.allow(id, anns, { scopes: ['patient/Patient.rs'] })
    t.equal(back.searchParams.get('state'), 'state-of-the-app')
    const { body } = await tokenRequest(server, {
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      client_id: kinds.public.id,
    })
    t.match(body, { scope: /^patient\/Patient\.rs$/, patient: ann, id_token: undefined })
  })
}

t.test('a public app may say who it is by HTTP Basic with an empty secret, and no other app may', async t => {
  const asBasic = (id: string) => ({ authorization: `Basic ${Buffer.from(`${id}:`).toString('base64')}` })
  const asked = ['patient/Patient.rs', 'offline_access']
  const { id } = kinds.public
  const app = { id, authenticate: async () => ({ form: {}, headers: asBasic(id) }) }
  const { token } = await launch(app, 'GET', asked, asked)
  t.has(token, { status: 200, body: { scope: 'patient/Patient.rs offline_access' } })
  const refresh = { grant_type: 'refresh_token', refresh_token: token.body.refresh_token }
  const again = await tokenRequest(server, { ...refresh, client_id: id }, asBasic(id))
  t.equal(again.status, 200)
  for (const [path, expected] of [
    ['introspection', /"active":true/],
    ['revocation', /^$/],
  ] as const) {
    const headers = { ...asBasic(id), 'content-type': 'application/x-www-form-urlencoded' }
    const payload = `token=${again.body.access_token}`
    const answer = await server.inject({ method: 'POST', url: `/oauth/token/${path}`, headers, payload })
    t.equal(answer.statusCode, 200)
    t.match(answer.body, expected)
  }
  const other = await launch(kinds['symmetric, Basic'], 'GET', asked, asked)
  const left = { grant_type: 'refresh_token', refresh_token: other.token.body.refresh_token }
  for (const more of [{}, { client_id: id }])
    t.match(await tokenRequest(server, { ...left, ...more }, asBasic(kinds['symmetric, Basic'].id)), {
      status: Object.keys(more).length === 0 ? 401 : 400,
      body: { error: Object.keys(more).length === 0 ? 'invalid_client' : 'invalid_request' },
    })
})

t.test('a query at the token endpoint changes nothing: a public app may leave out its client_id', async t => {
  const { token } = await launch(kinds.public, 'GET', ['patient/Patient.rs', 'offline_access'])
  const answer = await server.inject({
    method: 'POST',
    url: '/oauth/token?api-version=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `grant_type=refresh_token&refresh_token=${token.body.refresh_token}`,
  })
  t.equal(answer.statusCode, 200, answer.body)
})

t.test('max_age needs openid, and is not ignored without it', async t => {
  const query = authorizeQuery(kinds.public.id, 'patient/Patient.rs', pkce().challenge, { max_age: '60' })
  const { location } = await world.browser().begin(query)
  t.equal(new URL(location).searchParams.get('error'), 'invalid_request')
})

t.test('without offline_access or online_access there is no refresh token', async t => {
  const { token } = await launch(kinds.public, 'GET', ['patient/Patient.rs'])
  t.equal(token.body.refresh_token, undefined)
  t.equal(token.body.scope, 'patient/Patient.rs')
})

t.test('online_access ends with the sign-in', async t => {
  const asked = ['patient/Patient.rs', 'online_access']
  const who = await signIn(await account(bob))
  const { token } = await launch(kinds.public, 'GET', asked, asked, who)
  const refresh = (refresh_token: string) => tokenRequest(server, { grant_type: 'refresh_token', refresh_token })
  const again = await refresh(token.body.refresh_token)
  t.equal(again.status, 200)
  await endSession(database, who.person, who.id)
  t.match(await refresh(again.body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
  t.same(await server.authorization.grantedApps.list(who.person), [])
})

t.test('a person who does not agree sends the app back with access_denied', async t => {
  const browser = world.browser()
  const { id } = await browser.begin(authorizeQuery(kinds.public.id, scopes.join(' '), pkce().challenge))
  const back = await browser.deny(id)
  t.match(Object.fromEntries(back.searchParams), {
    error: 'access_denied',
    state: 'state-of-the-app',
    iss: `${base}/oauth`,
  })
  const { id: again } = await browser.begin(authorizeQuery(kinds.public.id, scopes.join(' '), pkce().challenge))
  const nothing = await browser.allow(again, anns, { scopes: [] })
  t.match(Object.fromEntries(nothing.searchParams), { error: 'access_denied' }, 'granting nothing does, too')
})
