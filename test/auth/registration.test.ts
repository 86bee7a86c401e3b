import pg from 'pg'
import t from 'tap'
import { newClientId } from '../../src/auth/client/client-model.ts'
import { removeExpired } from '../../src/storage/authorization/authorization-record.ts'
import { listClients } from '../../src/storage/authorization/client-registration.ts'
import { assertion, assertionType, makeKey } from './backend.ts'
import { authorizeQuery, base, openApps, pkce, redirectUri, tokenRequest } from './world.ts'

const world = await openApps()
const { server, database, ann, account, signIn, send } = world
t.teardown(() => server.close())

/** Each from an address of its own, unless one is given. */
const register = async (metadata: object | string, remoteAddress = `10.0.0.${address++}`, query = '') => {
  const answer = await server.inject({
    method: 'POST',
    url: `/oauth/register${query}`,
    remoteAddress,
    headers: { 'content-type': 'application/json' },
    payload: metadata,
  })
  return { status: answer.statusCode, body: answer.json(), headers: answer.headers }
}
let address = 1
const app = { client_name: 'Heart diary', redirect_uris: [redirectUri] }

t.test('an app registers itself, and reads its registration with the token for it', async t => {
  const { status, body, headers } = await register({
    ...app,
    token_endpoint_auth_method: 'none',
    scope: 'launch/patient patient/*.rs user/*.rs system/*.rs openid',
    client_uri: 'https://app.example.org',
  })
  t.equal(status, 201)
  t.match(headers, { 'cache-control': 'no-store' })
  t.match(body, {
    client_id: /^[\w-]{22}$/,
    client_name: 'Heart diary',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    scope: /^launch\/patient patient\/\*\.rs openid$/,
    registration_client_uri: `${base}/oauth/register/${body.client_id}`,
  })
  t.equal(body.client_secret, undefined)
  const read = (token: string) =>
    server.inject({ url: `/oauth/register/${body.client_id}`, headers: { authorization: `Bearer ${token}` } })
  t.match((await read(body.registration_access_token)).json(), { client_id: body.client_id, scope: body.scope })
  t.equal((await read('x'.repeat(43))).statusCode, 401)
})

t.test('an id cannot be an option of a command', t => {
  const ids = Array.from({ length: 1000 }, newClientId)
  t.strictSame(
    ids.filter(id => !/^[A-Za-z\d][\w-]{21}$/.test(id)),
    [],
  )
  t.end()
})

t.test('a confidential app is shown its secret once, and authenticates with it', async t => {
  const { body } = await register(app)
  t.match(body, { token_endpoint_auth_method: 'client_secret_basic', client_secret: /^[\w-]{43}$/ })
  const basic = (secret: string) => `Basic ${Buffer.from(`${body.client_id}:${secret}`).toString('base64')}`
  const introspect = (authorization: string) =>
    tokenRequest(server, { token: 'x'.repeat(43) }, { authorization }, '/oauth/token/introspection')
  t.match(await introspect(basic(body.client_secret)), { status: 200, body: { active: false } })
  t.match(await introspect(basic('wrong')), { status: 401, body: { error: 'invalid_client' } })
  const kept = await database.any<{ row: string }>({
    sql: 'SELECT client::text AS row FROM client',
    values: [],
  } as never)
  t.notMatch(JSON.stringify(kept), body.client_secret, 'only its hash is kept')
})

t.test('registering gives nothing by itself', async t => {
  const key = await makeKey('RS384')
  const { body } = await register({
    ...app,
    token_endpoint_auth_method: 'none',
    policies: ['everything'],
    organization: world.lab.organization,
    allowed_scope: 'system/*.cruds',
    selfRegistered: false,
  })
  t.equal(body.policies, undefined)
  const backend = await register({
    client_name: 'Job',
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key.jwk] },
  })
  t.equal(backend.status, 201)
  const client_assertion = await assertion(backend.body.client_id, key)
  const form = { grant_type: 'client_credentials', scope: 'system/*.rs', client_assertion_type: assertionType }
  t.match(await tokenRequest(server, { ...form, client_assertion }), { status: 400, body: { error: 'invalid_scope' } })

  const browser = world.browser()
  const { verifier, challenge } = pkce()
  const scope = 'patient/Patient.rs user/*.cruds system/*.cruds launch/patient'
  const { id } = await browser.begin(authorizeQuery(body.client_id, scope, challenge))
  const anns = await signIn(await account(ann))
  const found = await browser.find(id, anns)
  t.has(found, { client: { selfRegistered: true }, scopes: ['patient/Patient.rs', 'launch/patient'] })
  const back = await browser.allow(id, anns, { scopes: ['patient/Patient.rs'] })
  const code = back.searchParams.get('code') ?? ''
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { body: token } = await tokenRequest(server, { ...exchange, client_id: body.client_id })
  t.equal((await send(token.access_token, 'GET', `Patient/${ann}`)).statusCode, 200, 'only what a patient gives it')
})

t.test('an app that registered without refresh tokens is allowed none', async t => {
  const { body } = await register({
    ...app,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
  })
  const browser = world.browser()
  const { verifier, challenge } = pkce()
  const asked = 'patient/Patient.rs launch/patient offline_access online_access'
  const { id } = await browser.begin(authorizeQuery(body.client_id, asked, challenge))
  const scopes = ['patient/Patient.rs', 'launch/patient']
  const anns = await signIn(await account(ann))
  t.has(await browser.find(id, anns), { scopes })
  const code = (await browser.allow(id, anns, { scopes })).searchParams.get('code') ?? ''
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const answer = await tokenRequest(server, { ...exchange, client_id: body.client_id })
  t.match(answer, { status: 200, body: { scope: scopes.join(' '), refresh_token: undefined } })
})

t.test('of what an app says of itself, only what is of use here is kept', async t => {
  const { body } = await register({
    ...app,
    token_endpoint_auth_method: 'none',
    default_max_age: 1,
    require_auth_time: true,
    software_statement: 'x'.repeat(2000),
    'unheard-of': 'x'.repeat(2000),
  })
  const kept = (await listClients(database)).find(({ id }) => id === body.client_id)
  t.strictSame(Object.keys(kept?.metadata ?? {}).toSorted(), [
    'application_type',
    'grant_types',
    'redirect_uris',
    'response_types',
    'token_endpoint_auth_method',
  ])
})

t.test('an unsound registration is refused, and the refusal says what would be accepted', async t => {
  const key = (await makeKey('ES384')).jwk
  const short = Buffer.alloc(128, 0xff).toString('base64url')
  const byKey = { ...app, token_endpoint_auth_method: 'private_key_jwt' }
  const table: readonly (readonly [metadata: object | string, told: RegExp])[] = [
    ['no json', /JSON object/],
    ['[]', /JSON object/],
    [{ redirect_uris: [redirectUri] }, /client_name/],
    [{ ...app, client_name: 'a\u202Eb' }, /client_name/],
    [{ ...app, client_name: 'x'.repeat(101) }, /client_name/],
    ...['   ', '\u3164', '\u2800 '].map(
      client_name => [{ ...app, client_name }, /client_name must be a name .* that can be seen/] as const,
    ),
    [{ ...app, client_uri: 'app.example.org' }, /client_uri must be the address of a page, such as https/],
    [{ ...app, logo_uri: 'ftp://app.example.org/logo' }, /logo_uri must be the address of a page/],
    [{ client_name: 'x' }, /redirect_uris must name at least one/],
    [{ ...app, redirect_uris: 'https://app.example.org' }, /redirect_uris must be a list/],
    [{ ...app, redirect_uris: ['http://app.example.org/back'] }, /must be https/],
    [{ ...app, redirect_uris: ['javascript:alert(1)'] }, /must be https/],
    [{ ...app, redirect_uris: ['http://“ä\\”.example/'] }, /http:\/\/'\?\?'.example\/ must have no/],
    [{ ...app, redirect_uris: ['data:text/html,x'] }, /must be https/],
    [{ ...app, redirect_uris: ['https://app.example.org/#x'] }, /without a fragment/],
    [{ ...app, redirect_uris: ['https://*.example.org/'] }, /whole URL/],
    [{ ...app, redirect_uris: ['https://a:b@example.org/'] }, /no name or password/],
    [{ ...app, redirect_uris: ['https://:b@example.org/'] }, /no name or password/],
    [{ ...app, redirect_uris: ['/back'] }, /whole URL/],
    [{ ...app, redirect_uris: ['https://app.example.org/\r\nlocation: x'] }, /no spaces/],
    [{ ...app, redirect_uris: ['https:\\\\evil.example'] }, /backslashes/],
    [{ ...app, redirect_uris: ['https://\u0430pp.example.org/back'] }, /must be in ASCII/],
    [{ ...app, redirect_uris: ['https://app.example.org/\u2067back\u2069'] }, /must be in ASCII/],
    [{ ...app, launch_uris: ['javascript:alert(1)'] }, /launch_uris/],
    [{ ...app, launch_uris: ['org.example.app:/launch'] }, /launch_uris: \S+ must be https/],
    [{ ...app, token_endpoint_auth_method: 'tls_client_auth' }, /token_endpoint_auth_method/],
    [byKey, /jwks or jwks_uri/],
    [
      { ...byKey, jwks: { keys: [key] }, jwks_uri: 'https://app.example.org/jwks.json' },
      /jwks or jwks_uri, one of them/,
    ],
    [{ ...byKey, jwks: { keys: [] } }, /keys/],
    [{ ...byKey, jwks: null }, /keys/],
    [{ ...byKey, jwks: { keys: [null] } }, /kid/],
    [
      { ...byKey, jwks: { keys: Array.from({ length: 21 }, (_, kid) => ({ ...key, kid: `${kid}` })) } },
      /at most 20 keys/,
    ],
    [{ ...byKey, jwks: { keys: [{ ...key, x5c: ['A'.repeat(9000)] }] } }, /at most 8192 characters/],
    [{ ...byKey, jwks: { keys: [{ ...key, kid: undefined }] } }, /kid/],
    [{ ...byKey, jwks: { keys: [{ kty: 'oct', kid: 'a', k: 'AAAA' }] } }, /RS384 or ES384/],
    [{ ...byKey, jwks: { keys: [{ kty: 'EC', crv: 'P-256', kid: 'a' }] } }, /RS384 or ES384/],
    [{ ...byKey, jwks: { keys: [{ ...key, d: 'AAAA' }] } }, /public keys only/],
    [{ ...byKey, jwks: { keys: [{ ...key, use: 'enc' }] } }, /jwks: the use of the key [\w-]{36} must be sig/],
    [{ ...byKey, jwks: { keys: [{ ...key, alg: 'ES256' }] } }, /the alg of the key [\w-]{36} must be ES384/],
    [
      { ...byKey, jwks: { keys: [{ ...key, key_ops: ['sign'] }] } },
      /the key_ops of the key [\w-]{36} must have verify/,
    ],
    [{ ...byKey, jwks: { keys: [{ kty: 'RSA', kid: 'a' }] } }, /the key a is no whole RSA key/],
    [{ ...byKey, jwks: { keys: [{ kty: 'RSA', kid: 'a', n: '!!', e: 'AQAB' }] } }, /the key a/],
    [{ ...byKey, jwks: { keys: [{ kty: 'RSA', kid: 'a', n: 'AAAA', e: 'AQAB' }] } }, /the key a/],
    [
      { ...byKey, jwks: { keys: [{ kty: 'RSA', kid: 'a', n: short, e: 'AQAB' }] } },
      /the key a must have at least 2048 bits/,
    ],
    [{ ...byKey, jwks: { keys: [{ kty: 'EC', crv: 'P-384', kid: 'a' }] } }, /the key a is no whole EC key/],
    [{ ...byKey, jwks: { keys: [{ ...key, x: key.y }] } }, /is no whole EC key/],
    [{ ...byKey, jwks: { keys: [key, { ...key }] } }, /no two keys of one kty may have the same kid/],
    [{ ...byKey, jwks_uri: 'https://app.example.org/jwks.json' }, /jwks_uri: .* is not among the servers/],
    [{ ...byKey, jwks_uri: 'http://169.254.169.254/latest' }, /jwks_uri/],
    [{ ...byKey, jwks_uri: { toString: 1 } }, /jwks_uri: it must be a URL/],
    [{ ...app, scope: { toString: 1 } }, /scope must be a text/],
    [{ ...app, scope: ['patient/*.rs'] }, /scope must be a text/],
    [{ ...app, jwks: { keys: [key] } }, /private_key_jwt/],
    [{ ...app, grant_types: ['implicit'] }, /grant_types/],
    [{ ...app, grant_types: 'authorization_code' }, /grant_types must be a list/],
    [{ ...app, grant_types: 5 }, /grant_types must be a list/],
    [{ ...app, grant_types: null }, /grant_types must be a list/],
    [{ ...app, grant_types: [['authorization_code']] }, /grant_types must be a list/],
    [{ ...app, invitation_url: 5 }, /invitation_url must be a URL/],
    [{ ...app, invitation_url: 'https://app.example.org/CODE?CODE' }, /must have CODE in it, once/],
    [
      { ...byKey, grant_types: ['client_credentials'], jwks: { keys: [key] }, redirect_uris: [redirectUri] },
      /redirect_uris are for authorization_code/,
    ],
    [
      { client_name: 'x', grant_types: ['client_credentials'], token_endpoint_auth_method: 'none' },
      /must authenticate/,
    ],
    [
      { ...app, grant_types: ['authorization_code', 'client_credentials'], token_endpoint_auth_method: 'none' },
      /must authenticate/,
    ],
  ]
  for (const [metadata, told] of table) {
    const { status, body } = await register(metadata)
    t.equal(status, 400, JSON.stringify(metadata))
    t.match(body.error_description, told)
    t.match(body.error, /^invalid_(client_metadata|redirect_uri|request)$/)
  }
  t.equal((await register({ ...app, client_name: 'a\u2029b' })).status, 400, 'a name of two lines')
})

t.test('a member of the wrong type is not a fault', async t => {
  const members = [
    'grant_types',
    'response_types',
    'redirect_uris',
    'launch_uris',
    'token_endpoint_auth_method',
    'jwks',
  ]
  const others = ['jwks_uri', 'invitation_url', 'client_uri', 'logo_uri', 'contacts', 'application_type', 'scope']
  for (const name of [...members, ...others])
    for (const value of [5, {}, [], [5], null, true, 'x']) {
      const { status } = await register({ ...app, [name]: value })
      t.ok([201, 400].includes(status), `${status} for ${name}: ${JSON.stringify(value)}`)
    }
})

t.test('what is registered is checked whatever query stands behind the endpoint', async t => {
  for (const query of ['?', '?x=1', '?/register']) {
    const { status, body } = await register({ ...app, smart_scope: 'user/*.rs' }, undefined, query)
    t.match({ status, scope: body.scope }, { status: 201, scope: undefined })
    for (const more of [{ client_name: 'x'.repeat(101) }, { redirect_uris: ['http://app.example.org/back'] }])
      t.equal((await register({ ...app, ...more }, undefined, query)).status, 400, query)
  }
})

t.test('what cannot be stored is refused as such', async t => {
  const { jwk } = await makeKey('RS384')
  const keys = { token_endpoint_auth_method: 'private_key_jwt' }
  for (const member of [
    { contacts: ['a\0b'] },
    { client_uri: `${redirectUri}?\ud800` },
    { ...keys, jwks: { keys: [{ ...jwk, kid: 'a\0b' }] } },
    { ...keys, jwks: { keys: [{ ...jwk, 'a\0b': 1 }] } },
  ])
    t.match(await register({ ...app, ...member }), {
      status: 400,
      body: {
        error: 'invalid_client_metadata',
        error_description: 'no member may contain the character U+0000, or half of a surrogate pair',
      },
    })
})

t.test('a name that is not UTF-8 is refused, and never kept with other letters than were sent', async t => {
  const payload = Buffer.from(JSON.stringify({ ...app, client_name: 'Müller' }), 'latin1')
  const sent = async (type: string) => {
    const headers = { 'content-type': type }
    const { statusCode, body } = await server.inject({ method: 'POST', url: '/oauth/register', headers, payload })
    return [statusCode, JSON.parse(body)]
  }
  const error = 'invalid_request'
  t.same(await sent('application/json'), [400, { error, error_description: 'The body is not UTF-8' }])
  const error_description = 'Text in iso-8859-1 is not taken here; send UTF-8'
  t.same(await sent('application/json; charset=iso-8859-1'), [415, { error, error_description }])
})

t.test('an app on a phone is redirected to with a scheme of its own, one on a desktop to its own machine', async t => {
  const native = await register({
    ...app,
    redirect_uris: ['org.example.app:/back'],
    token_endpoint_auth_method: 'none',
  })
  t.match(native, { status: 201, body: { application_type: 'native' } })
  const local = await register({ ...app, redirect_uris: ['http://127.0.0.1:7000/back'] })
  t.match(local, { status: 201, body: { application_type: 'web' } })
})

t.test('an app on a desktop is redirected to any port of its machine, and to nothing else', async t => {
  const begun = async (redirect_uris: readonly string[], redirect_uri: string, method = 'none') => {
    const { body } = await register({ ...app, redirect_uris, token_endpoint_auth_method: method })
    const query = authorizeQuery(body.client_id, 'patient/Patient.rs', pkce().challenge, { redirect_uri })
    return (await server.inject({ url: `/oauth/authorize?${query}` })).statusCode
  }
  const registered = 'http://127.0.0.1/back'
  t.equal(await begun([registered], 'http://127.0.0.1:43210/back'), 303)
  for (const other of [
    'http://127.0.0.1:43210/other',
    'http://localhost:43210/back',
    'https://127.0.0.1:43210/back',
    'http://127.0.0.1.example:43210/back',
  ])
    t.equal(await begun([registered], other), 400, other)
  t.equal(await begun([registered, redirectUri], 'http://127.0.0.1:43210/back'), 400, 'one that has a site as well')
  t.equal(await begun([registered], 'http://127.0.0.1:43210/back', 'client_secret_basic'), 400, 'one with a secret')
})

t.test('nobody registers apps without end', async t => {
  const home = '192.0.2.1'
  let last = await register(app, home)
  for (let tries = 0; tries < 30 && last.status === 201; tries += 1) last = await register(app, home)
  t.match(last, { status: 429, body: { error: 'temporarily_unavailable', error_description: /wait \d+ seconds/ } })
})

t.test('an app that nobody has used for a month is removed', async t => {
  const apps = await openApps()
  t.teardown(() => apps.server.close())
  const [used, unused, approved] = [
    await apps.client({ selfRegistered: true }),
    await apps.client({ selfRegistered: true }),
    await apps.client({}),
  ]
  await apps.token({ subject: { kind: 'patient', patient: apps.ann }, client: used.id, scope: 'patient/*.rs' })
  const connection = new pg.Client({ connectionString: apps.url })
  await connection.connect()
  await connection.query("UPDATE client SET registered_at = now() - interval '31 days'")
  await connection.end()
  await removeExpired(apps.database, { now: Date.now() + 3_600_000 })
  const left = (await listClients(apps.database)).map(({ id }) => id)
  t.same(new Set(left), new Set([used.id, approved.id]))
  t.notOk(left.includes(unused.id))
})

t.test('with CLIENT_REGISTRATION=closed nobody registers themselves, and it is not advertised', async t => {
  const closed = await openApps({ CLIENT_REGISTRATION: 'closed' })
  t.teardown(() => closed.server.close())
  const answer = await closed.server.inject({
    method: 'POST',
    url: '/oauth/register',
    headers: { 'content-type': 'application/json' },
    payload: app,
  })
  t.equal(answer.statusCode, 404)
  for (const url of ['/fhir/.well-known/smart-configuration', '/oauth/.well-known/openid-configuration'])
    t.notOk((await closed.server.inject(url)).json().registration_endpoint)
})
