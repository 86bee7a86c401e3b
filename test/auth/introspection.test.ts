import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { assertion, assertionType, makeKey } from './backend.ts'
import { type Asked, authorizeQuery, base, fhir, openApps, pkce, redirectUri, tokenRequest } from './world.ts'

const world = await openApps()
const { server, database, ann, account, signIn, client, send, token: localToken } = world
t.teardown(() => server.close())

const person = await account(ann)
const anns = await signIn(person)
const app = await client({})
const confidential = await client({ metadata: { token_endpoint_auth_method: 'client_secret_basic' } })
const key = await makeKey('ES384')
const backendMetadata = {
  redirect_uris: [],
  response_types: [],
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: { keys: [key.jwk] },
}
const backend = async (policies: readonly 'introspection'[]) => {
  const { id } = await client({ policies, scope: 'system/Patient.r', metadata: backendMetadata })
  return id
}
const backendToken = async (id: string) => {
  const form = { grant_type: 'client_credentials', scope: 'system/Patient.r', client_assertion_type: assertionType }
  return (await tokenRequest(server, { ...form, client_assertion: await assertion(id, key) })).body
    .access_token as string
}
const scopes = ['launch/patient', 'patient/Patient.rs', 'openid', 'fhirUser', 'offline_access']
const tokensOf = async (id: string, headers: Record<string, string> = {}) => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(id, scopes.join(' '), challenge))
  const code = (await browser.allow(begun.id, anns, { scopes })).searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return (await tokenRequest(server, { ...form, ...(headers.authorization ? {} : { client_id: id }) }, headers)).body
}
const introspect = (token: string | undefined, form: Asked, headers: Record<string, string> = {}) =>
  tokenRequest(server, { token, ...form }, headers, '/oauth/token/introspection')
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const basic = { authorization: `Basic ${Buffer.from(`${confidential.id}:${confidential.secret}`).toString('base64')}` }

const active = (client_id: string) => ({
  active: true,
  scope: scopes.join(' '),
  client_id,
  sub: person,
  iss: `${base}/oauth`,
  aud: fhir,
  patient: ann,
  need_patient_banner: true,
  fhirUser: `${fhir}/Patient/${ann}`,
  token_type: 'Bearer',
  exp: Number,
  iat: Number,
})
const inactive = { status: 200, body: { active: false } }

t.test('a client is told about its own tokens, authenticated as usual or by the token itself', async t => {
  const own = await tokensOf(app.id)
  for (const answer of [
    await introspect(own.access_token, { client_id: app.id }),
    await introspect(own.access_token, {}, bearer(own.access_token)),
  ]) {
    t.equal(answer.status, 200)
    t.match(answer.body, active(app.id))
  }
  const secret = await tokensOf(confidential.id, basic)
  t.match((await introspect(secret.access_token, {}, basic)).body, active(confidential.id))
  t.match((await introspect(secret.refresh_token, {}, basic)).body, { active: true, client_id: confidential.id })
})

t.test('about other tokens it is told nothing more than that', async t => {
  const others = await tokensOf(app.id)
  t.strictSame((await introspect(others.access_token, {}, basic)).body, { active: false })
  const nosy = await backendToken(await backend([]))
  t.strictSame(await strict(introspect(others.access_token, {}, bearer(nosy))), inactive)
})

const strict = async (asked: ReturnType<typeof introspect>) => {
  const { status, body } = await asked
  return { status, body }
}

t.test('with the policy introspection it is told about all tokens', async t => {
  const id = await backend(['introspection'])
  const others = await tokensOf(app.id)
  t.match((await introspect(others.access_token, {}, bearer(await backendToken(id)))).body, active(app.id))
  const authenticated = { client_assertion_type: assertionType, client_assertion: await assertion(id, key) }
  t.match((await introspect(others.access_token, authenticated)).body, active(app.id))
  const backends = await backendToken(await backend([]))
  t.has((await introspect(backends, {}, bearer(await backendToken(id)))).body, {
    active: true,
    scope: 'system/Patient.r',
    token_type: 'Bearer',
  })
  const local = await localToken({ subject: { kind: 'patient', patient: ann }, scope: 'patient/*.rs' })
  t.has((await introspect(local, {}, bearer(await backendToken(id)))).body, { active: true, client_id: 'cli' })
  const administrators = await localToken({ subject: { kind: 'administrator' }, scope: 'user/*.rs' })
  t.equal((await send(administrators, 'GET', 'Organization')).statusCode, 200)
  t.strictSame(await strict(introspect(administrators, {}, bearer(await backendToken(id)))), inactive, 'but these')
})

t.test('what is not a token, or no longer valid, is inactive and nothing else', async t => {
  const own = await tokensOf(app.id)
  t.strictSame(await strict(introspect('nothing', { client_id: app.id })), inactive)
  const other = await tokensOf(app.id)
  await tokenRequest(server, { token: own.access_token, client_id: app.id }, {}, '/oauth/token/revocation')
  t.strictSame(await strict(introspect(own.access_token, { client_id: app.id })), inactive)
  t.strictSame(await strict(introspect(own.access_token, {}, bearer(other.access_token))), inactive)
  await database.run(sql.fragment`UPDATE token SET expires_at = now() WHERE client_id = ${app.id}`)
  t.strictSame(await strict(introspect(other.access_token, { client_id: app.id })), inactive, 'expired')
})

t.test('a token of the command line is inactive once the account of its person is', async t => {
  const policed = bearer(await backendToken(await backend(['introspection'])))
  const barred = await account(ann)
  const local = await localToken({ subject: { kind: 'user', person: barred }, scope: 'patient/*.rs' })
  t.has((await introspect(local, {}, policed)).body, { active: true, client_id: 'cli' })
  await world.update('everything', { resourceType: 'Person', id: barred, active: false })
  t.strictSame(await strict(introspect(local, {}, policed)), inactive)
})

t.test('nobody can ask without saying who they are', async t => {
  const own = await tokensOf(app.id)
  const nobody = { status: 401, body: { error: 'invalid_client' } }
  t.match(await introspect(own.access_token, {}), nobody)
  t.match(await tokenRequest(server, { token: own.access_token }, {}, '/oauth/token/revocation'), nobody)
  t.match(await introspect(own.access_token, {}, bearer('x'.repeat(43))), {
    status: 401,
    body: { error: 'invalid_token' },
  })
  t.match(await introspect(undefined, {}, bearer(own.access_token)), {
    status: 400,
    body: { error: 'invalid_request' },
  })
  const wrong = { authorization: `Basic ${Buffer.from(`${confidential.id}:wrong`).toString('base64')}` }
  t.match(await introspect(own.access_token, {}, wrong), { status: 401, body: { error: 'invalid_client' } })
})

t.test('a client revokes its own tokens, with everything that came of the same grant, and nobody else’s', async t => {
  const revoke = (token: string, form: Asked) => tokenRequest(server, { token, ...form }, {}, '/oauth/token/revocation')
  const works = async (token: string) => (await send(token, 'GET', `Patient/${ann}`)).statusCode === 200
  const other = await client({})
  for (const kind of ['access_token', 'refresh_token'] as const) {
    const own = await tokensOf(app.id)
    t.match(await revoke(own[kind], { client_id: other.id }), {
      status: 400,
      body: {
        error: 'invalid_grant',
        error_description: 'the token was issued to another client, and was not revoked',
      },
    })
    t.ok(await works(own.access_token), 'another client’s request has no effect')
    t.equal((await revoke(own[kind], { client_id: app.id })).status, 200)
    t.notOk(await works(own.access_token), `${kind}: at once`)
    const refreshed = await tokenRequest(server, { grant_type: 'refresh_token', refresh_token: own.refresh_token })
    t.match(refreshed, { status: 400, body: { error: 'invalid_grant' } })
    t.equal((await revoke(own[kind], { client_id: app.id })).status, 200, 'again')
  }
  t.equal((await revoke('nothing', { client_id: app.id })).status, 200)
})

t.test('only a page of an origin that the client has registered can read the answers', async t => {
  const ask = async (origin: string, url: string, form: Asked) =>
    (await tokenRequest(server, form, { origin }, url)).headers['access-control-allow-origin']
  const own = new URL(redirectUri).origin
  const phone = await client({ metadata: { redirect_uris: ['org.example.app:/back'], application_type: 'native' } })
  for (const url of ['/oauth/token', '/oauth/token/introspection', '/oauth/token/revocation']) {
    const form = { client_id: app.id, token: 'x', grant_type: 'refresh_token', refresh_token: 'x' }
    t.equal(await ask(own, url, form), own, url)
    t.equal(await ask('https://evil.example', url, form), undefined)
    t.equal(await ask('null', url, form), undefined)
    t.equal(
      await ask('null', url, { ...form, client_id: phone.id }),
      undefined,
      'also of an app with a scheme of its own',
    )
    const preflight = await server.inject({
      method: 'OPTIONS',
      url,
      headers: {
        origin: own,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    })
    t.match(preflight, { statusCode: 204, headers: { 'access-control-allow-origin': own } })
  }
  const { access_token } = await tokensOf(app.id)
  const asBearer = async (origin: string, token: string) =>
    (await introspect(access_token, {}, { ...bearer(token), origin })).headers['access-control-allow-origin']
  t.equal(await asBearer(own, access_token), own, 'also by the token itself')
  t.equal(await asBearer('https://evil.example', access_token), undefined)
  t.equal(await asBearer('null', access_token), undefined)
  t.equal(await asBearer(own, 'x'.repeat(43)), '*', 'any page may read that it is over')
  const nobodys = { grant_type: 'refresh_token', refresh_token: 'x' }
  t.equal(await ask(own, '/oauth/token', nobodys), '*', 'and that a refresh token without a client is')
  const open = [
    '/fhir/.well-known/smart-configuration',
    '/fhir/metadata',
    '/oauth/jwks.json',
    '/oauth/.well-known/openid-configuration',
  ]
  for (const url of open) {
    const answer = await server.inject({ url, headers: { origin: 'https://anywhere.example' } })
    t.match(answer.headers['access-control-allow-origin'], /^(\*|https:\/\/anywhere\.example)$/, url)
  }
})
