import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import t from 'tap'
import { type Asked, authorizeQuery, base, fhir, openApps, pkce, redirectUri, tokenRequest } from './world.ts'

const world = await openApps()
const { server, url, ann, account, signIn, client, send } = world
t.teardown(() => server.close())

const anns = await signIn(await account(ann))
const app = await client({})
const other = await client({})
const scopes = ['patient/Patient.rs', 'offline_access']

/** What an app gets with its code, and the form with which it exchanges it. */
const codeFor = async (id = app.id, more: Asked = {}) => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(id, scopes.join(' '), challenge, more))
  const code = (await browser.allow(begun.id, anns, { scopes })).searchParams.get('code') ?? ''
  const form: Asked = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: id,
  }
  return form
}
const exchange = (form: Asked) => tokenRequest(server, form)
const refresh = (refresh_token: string, more: Asked = {}) =>
  tokenRequest(server, { grant_type: 'refresh_token', refresh_token, ...more })
const invalidGrant = { status: 400, body: { error: 'invalid_grant' } }

/** As if time had passed. */
const age = async (table: string, seconds: number) => {
  const connection = new pg.Client({ connectionString: url })
  await connection.connect()
  await connection.query(
    `UPDATE ${table} SET expires_at = expires_at - make_interval(secs => $1),
    payload = payload || jsonb_build_object('exp', (payload ->> 'exp')::integer - $1::integer)
    WHERE payload ? 'exp'`,
    [seconds],
  )
  await connection.end()
}

t.test(
  'before the redirect URI is known to be the app’s, an error is shown to the person and sent nowhere',
  async t => {
    const { challenge } = pkce()
    const table: Readonly<Record<string, Asked>> = {
      'another host': { redirect_uri: 'https://evil.example/back' },
      'a longer path': { redirect_uri: `${redirectUri}/more` },
      'a query': { redirect_uri: `${redirectUri}?next=evil` },
      'a fragment': { redirect_uri: `${redirectUri}#x` },
      'another case': { redirect_uri: redirectUri.toUpperCase() },
      'a name before the host': { redirect_uri: 'https://app.example.org@evil.example/back' },
      'a path that climbs out': { redirect_uri: 'https://app.example.org/x/../back' },
      'another scheme': { redirect_uri: 'http://app.example.org/back' },
      none: { redirect_uri: undefined },
      'an unknown client': { client_id: 'nobody' },
      'no client': { client_id: undefined },
    }
    for (const [what, asked] of Object.entries(table)) {
      for (const method of ['GET', 'POST'] as const) {
        const { status, location, body } = await world
          .browser()
          .begin(authorizeQuery(app.id, 'openid', challenge, asked), method)
        t.match({ status, location }, { status: 400, location: '' }, `${what} with ${method}`)
        t.match(body, /<h1>This app’s request cannot be answered<\/h1>\n<p>Nothing was allowed/)
      }
    }
    const query = authorizeQuery(app.id, 'openid', challenge)
    query.append('redirect_uri', 'https://evil.example/back')
    t.match(await world.browser().begin(query), { status: 400, location: '' }, 'two redirect URIs')
  },
)

t.test('the page of such an error loads nothing from elsewhere, and stands in no frame', async t => {
  const { headers } = await server.inject('/oauth/authorize?client_id=nobody')
  t.equal(
    headers['content-security-policy'],
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'",
  )
})

/** https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1 */
const describable = /^[ -!#-[\]-~]+$/

t.test('other errors of a request are sent to the app, with its state and the issuer', async t => {
  const { challenge } = pkce()
  const table: Readonly<Record<string, readonly [error: string, asked: Asked]>> = {
    'no aud': ['invalid_request', { aud: undefined }],
    'another server’s aud': ['invalid_request', { aud: 'https://elsewhere.example/fhir' }],
    'an aud that begins like ours': ['invalid_request', { aud: `${fhir}.evil.example` }],
    'an aud below': ['invalid_request', { aud: `${fhir}/Patient` }],
    'another resource': ['invalid_target', { resource: 'https://elsewhere.example/fhir' }],
    'no challenge': ['invalid_request', { code_challenge: undefined, code_challenge_method: undefined }],
    'a challenge without a method': ['invalid_request', { code_challenge_method: undefined }],
    'a plain challenge': ['invalid_request', { code_challenge_method: 'plain' }],
    'a short challenge': ['invalid_request', { code_challenge: 'short' }],
    'no response_type': ['invalid_request', { response_type: undefined }],
    'the implicit flow': ['unsupported_response_type', { response_type: 'token' }],
    'the hybrid flow': ['unsupported_response_type', { response_type: 'code id_token' }],
    'no scope that means anything': ['invalid_scope', { scope: 'patient/Observation.dus whatever' }],
    'a scope of a type that does not exist': ['invalid_scope', { scope: 'patient/Nothing.rs' }],
    'no scope at all': ['invalid_scope', { scope: undefined }],
    'a modifier in a scope': [
      'invalid_scope',
      { scope: 'patient/Observation.rs?code:in=http://example.org/vs openid' },
    ],
    'a chain in a scope': ['invalid_scope', { scope: 'patient/Observation.rs?subject.name=ann openid' }],
    '_has in a scope': ['invalid_scope', { scope: 'patient/Patient.rs?_has:Observation:subject:code=x openid' }],
    '_filter in a scope': ['invalid_scope', { scope: 'patient/Observation.rs?_filter=x openid' }],
    'a result parameter in a scope': ['invalid_scope', { scope: 'patient/Observation.rs?_count=1 openid' }],
    'an invalid date in a scope': ['invalid_scope', { scope: 'patient/Observation.rs?date=x openid' }],
    'an unknown parameter in a scope': ['invalid_scope', { scope: 'patient/Observation.rs?colour=red openid' }],
    'an unknown type in a scope with a query': ['invalid_scope', { scope: 'patient/Nothing.rs?code=x openid' }],
    'a wildcard with a query of one type': ['invalid_scope', { scope: 'patient/*.rs?code=x openid' }],
  }
  for (const [what, [error, asked]] of Object.entries(table)) {
    for (const method of ['GET', 'POST'] as const) {
      const query = authorizeQuery(app.id, 'openid', challenge, asked)
      const { status, location } = await world.browser().begin(query, method)
      const told = new URL(location)
      t.equal(`${status} ${told.origin}${told.pathname}`, `303 ${redirectUri}`, `${what} with ${method}`)
      const said = new URLSearchParams(told.search || told.hash.slice(1))
      t.match(Object.fromEntries(said), { error, state: 'state-of-the-app', iss: `${base}/oauth` }, what)
      t.match(said.get('error_description'), describable, what)
    }
  }
  const slash = await world.browser().begin(authorizeQuery(app.id, 'openid', challenge, { aud: `${fhir}/` }))
  t.match(slash.location, /\/authorize\//, 'a slash at the end of aud makes no difference')
  for (const path of ['/FHIR/R5/', '/fhir/r5']) {
    const face = { aud: `${base}${path}` }
    const other = await world.browser().begin(authorizeQuery(app.id, 'openid', challenge, face))
    t.match(other.location, /\/authorize\//, `an app may have found the server at ${path}`)
  }
  const synonym = await world
    .browser()
    .begin(authorizeQuery(app.id, 'openid', challenge, { aud: undefined, resource: fhir }))
  t.match(synonym.location, /\/authorize\//, 'resource is a synonym')
  const everyType = await world.browser().begin(authorizeQuery(app.id, 'patient/*.rs?_lastUpdated=gt2026', challenge))
  t.match(everyType.location, /\/authorize\//, 'a wildcard may ask what every type has')
})

t.test('an app is told which of its parameters is too long to keep; what real apps send fits', async t => {
  const { challenge } = pkce()
  const table = { state: 8192, nonce: 1024, authorization_request: 8192 }
  for (const [name, most] of Object.entries(table)) {
    for (const method of ['GET', 'POST'] as const) {
      const query = authorizeQuery(app.id, 'openid', challenge, { [name]: 'x'.repeat(most + 1) })
      const { location } = await world.browser().begin(query, method)
      t.match(
        Object.fromEntries(new URL(location).searchParams),
        {
          error: 'invalid_request',
          error_description: `${name} may have at most ${most} characters, and has ${most + 1}`,
          state: name === 'state' ? 'x'.repeat(most + 1) : 'state-of-the-app',
        },
        `${name} with ${method}`,
      )
    }
  }
  const long = authorizeQuery(app.id, `patient/Observation.rs?code=${'x'.repeat(24_549)}`, challenge)
  t.equal(
    new URL((await world.browser().begin(long)).location).searchParams.get('error_description'),
    'scope may have at most 24576 characters, and has 24577',
  )
  const approved = await client({ scope: 'user/Patient.rs user/Observation.rs user/Device.rs' })
  const wildcards = Array.from({ length: 400 }, (_, index) => `user/*.rs?_id=number-${index}`).join(' ')
  const widened = await world.browser().begin(authorizeQuery(approved.id, wildcards, challenge))
  t.match(new URL(widened.location).searchParams.get('error_description'), /^scope may have at most 24576 characters/)
  const native = await client({ metadata: { redirect_uris: ['http://127.0.0.1/back'], application_type: 'native' } })
  const elsewhere = (port: string) => ({ redirect_uri: `http://127.0.0.1:${port}/back` })
  const padded = await world
    .browser()
    .begin(authorizeQuery(native.id, 'openid', challenge, elsewhere('8080'.padStart(2048, '0'))))
  t.match(
    padded.location,
    /^http:\/\/127\.0\.0\.1:8080\/back\?error=invalid_request&error_description=redirect_uri\+may/,
  )
  const words = Array.from({ length: 200 }, (_, index) => `patient/Observation.rs?code=http://loinc.org|${index}-1`)
  for (const method of ['GET', 'POST'] as const) {
    const state = 'j'.repeat(8192)
    const browser = world.browser()
    const query = authorizeQuery(app.id, ['openid', ...words].join(' '), challenge, { state, nonce: 'n'.repeat(1024) })
    const { id } = await browser.begin(query, method)
    const back = await browser.allow(id, anns, { scopes: words, patient: ann })
    t.equal(back.searchParams.get('state'), state, method)
    t.type(back.searchParams.get('code'), 'string')
  }
})

t.test('of a request only the parameters that are read are kept', async t => {
  const connection = new pg.Client({ connectionString: url })
  await connection.connect()
  t.teardown(() => connection.end())
  await connection.query("DELETE FROM authorization_record WHERE kind = 'Interaction'")
  const query = authorizeQuery(app.id, 'openid patient/Patient.rs', pkce().challenge, {
    acr_values: 'x'.repeat(5000),
    claims: 'x'.repeat(5000),
    claims_locales: 'x'.repeat(5000),
    display: 'x'.repeat(5000),
    login_hint: 'x'.repeat(5000),
    ui_locales: 'x'.repeat(5000),
    whatever: 'x'.repeat(5000),
    max_age: '60'.padStart(5000, '0'),
    prompt: Array(500).fill('login').join(' '),
  })
  for (let times = 0; times < 100; times += 1) query.append('resource', fhir)
  t.match(await world.browser().begin(query, 'POST'), { status: 303, location: /\/authorize\/[\w-]+$/ })
  const { rows } = await connection.query("SELECT payload FROM authorization_record WHERE kind = 'Interaction'")
  t.strictSame(
    rows.map(({ payload }) => payload.params),
    [
      {
        aud: fhir,
        client_id: app.id,
        code_challenge: query.get('code_challenge'),
        code_challenge_method: 'S256',
        max_age: '60',
        prompt: 'login',
        redirect_uri: redirectUri,
        resource: fhir,
        response_type: 'code',
        scope: 'openid patient/Patient.rs',
        state: 'state-of-the-app',
      },
    ],
  )
})

t.test('a code can only be used by the app that got it, with its verifier and redirect URI', async t => {
  const wrong: Readonly<Record<string, Asked>> = {
    'no verifier': { code_verifier: undefined },
    'another verifier': { code_verifier: pkce().verifier },
    'the challenge for the verifier': { code_verifier: 'a'.repeat(43) },
    'another redirect URI': { redirect_uri: `${redirectUri}/other` },
    'another client': { client_id: other.id },
    'another code': { code: 'x'.repeat(43) },
  }
  for (const [what, more] of Object.entries(wrong))
    t.match(await exchange({ ...(await codeFor()), ...more }), invalidGrant, what)
  t.match(await exchange({ ...(await codeFor()), redirect_uri: undefined }), {
    status: 400,
    body: { error: 'invalid_request' },
  })
  t.match(await exchange({ ...(await codeFor()), client_id: undefined }), {
    status: 401,
    body: { error: 'invalid_client' },
    headers: { 'www-authenticate': /^Basic /, 'cache-control': 'no-store', pragma: 'no-cache' },
  })
  t.match(await exchange({ ...(await codeFor()), client_id: 'nobody' }), {
    status: 401,
    body: { error: 'invalid_client' },
  })
  t.match(await exchange({ ...(await codeFor()), grant_type: 'password' }), {
    status: 400,
    body: { error: 'unsupported_grant_type' },
  })
})

t.test('the app is told why a code or refresh token gives nothing, or that no scope was asked for', async t => {
  const why = async (form: Asked) => (await exchange(form)).body.error_description
  const code = await codeFor()
  t.equal(await why({ ...code, code_verifier: pkce().verifier }), 'code_verifier does not match code_challenge')
  t.equal(
    await why({ ...(await codeFor()), redirect_uri: `${redirectUri}/other` }),
    'redirect_uri must be the one at which the code arrived',
  )
  const late = await codeFor()
  await age('authorization_record', 61)
  t.equal(await why(late), 'authorization code is expired')
  const { body } = await exchange(await codeFor())
  const again = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: app.id }
  await exchange(again)
  t.equal(
    await why(again),
    'the refresh token was used before, and what was granted with it has ended: ask the person again, at the authorization endpoint',
  )
  const gone = /^the refresh token is not known here, or what was granted with it has ended: ask the person again/
  t.match(await why(again), gone, 'everything that came of it is gone')
  const alone = { grant_type: 'refresh_token', refresh_token: 'x' }
  t.match(await why(alone), gone, 'even if no client is named')
  const described = async (scope: string | undefined) => {
    const { location } = await world.browser().begin(authorizeQuery(app.id, '', pkce().challenge, { scope }))
    return new URL(location).searchParams.get('error_description')
  }
  for (const scope of [undefined, '']) t.equal(await described(scope), 'scope is missing: say what is asked for')
  t.equal(
    await described('user/*.rs'),
    'none of the scopes can be granted to this client: it may ask for patient/ scopes, and of user/ scopes for none',
  )
  for (const scope of ['patient/Patient.sr', 'patient/Observation.read?code=x', 'user/patient.rs'])
    t.equal(
      await described(scope),
      `${scope} is no scope: one is like patient/Observation.rs?code=8867-4, with letters in the order of cruds, or patient/Observation.read, without a query`,
    )
})

t.test('a code that is used again is refused, and what it gave ends', async t => {
  const form = await codeFor()
  const { body } = await exchange(form)
  t.equal((await send(body.access_token, 'GET', `Patient/${ann}`)).statusCode, 200)
  t.match(await exchange(form), invalidGrant)
  t.equal((await send(body.access_token, 'GET', `Patient/${ann}`)).statusCode, 401)
  t.match(await refresh(body.refresh_token), invalidGrant)
})

t.test('a client is told which grant types it is not registered for', async t => {
  t.match(await exchange({ grant_type: 'client_credentials', client_id: app.id, scope: 'system/Patient.rs' }), {
    status: 400,
    body: { error: 'unauthorized_client' },
  })
  t.match(await exchange({ grant_type: 'password', client_id: app.id }), {
    status: 400,
    body: { error: 'unsupported_grant_type' },
  })
})

t.test('a code lasts a minute', async t => {
  const form = await codeFor()
  await age('authorization_record', 61)
  t.match(await exchange(form), invalidGrant)
})

t.test('a refresh token can be used once; using it again ends everything that came of it', async t => {
  const { body: first } = await exchange(await codeFor())
  const { body: second } = await refresh(first.refresh_token)
  const { body: third } = await refresh(second.refresh_token)
  t.equal((await send(third.access_token, 'GET', `Patient/${ann}`)).statusCode, 200)
  t.match(await refresh(first.refresh_token), invalidGrant)
  t.match(await refresh(third.refresh_token), invalidGrant)
  for (const { access_token } of [first, second, third])
    t.equal((await send(access_token, 'GET', `Patient/${ann}`)).statusCode, 401)
})

t.test('a refresh token can be used by its app, for as long as it lasts', async t => {
  const { body } = await exchange(await codeFor())
  t.match(await refresh(body.refresh_token, { client_id: other.id }), invalidGrant)
  t.match(await refresh('x'.repeat(43)), invalidGrant)
  t.match(await refresh(body.access_token), invalidGrant, 'an access token is not one')
  t.equal((await send(body.refresh_token, 'GET', `Patient/${ann}`)).statusCode, 401, 'nor the other way round')
  await age('authorization_record', 90 * 24 * 3600 + 1)
  t.match(await refresh(body.refresh_token), invalidGrant)
})

for (const [what, used] of [
  ['a code', async () => exchange.bind(undefined, await codeFor())],
  ['a refresh token', async () => refresh.bind(undefined, (await exchange(await codeFor())).body.refresh_token)],
] as const) {
  t.test(`of fifty requests with ${what} at the same moment at most one succeeds, and what it got ends`, async t => {
    const ask = await used()
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask()))
    const answered = answers.filter(({ status }) => status === 200)
    t.ok(answered.length <= 1, `${answered.length}`)
    for (const { body } of answered) {
      t.equal((await send(body.access_token, 'GET', `Patient/${ann}`)).statusCode, 401)
      t.match(await refresh(body.refresh_token), invalidGrant)
    }
    t.ok(answers.every(({ status, body }) => status === 200 || body.error === 'invalid_grant'))
  })
}

t.test('the page that sends an answer as a form runs its own script only, and is shown in no frame', async t => {
  const asked = { response_mode: 'form_post', prompt: 'none', state: '"><script>alert(1)</script>' }
  const { body, headers } = await server.inject(
    `/oauth/authorize?${authorizeQuery(app.id, 'openid', pkce().challenge, asked)}`,
  )
  t.match(body, `<form method="post" action="${redirectUri}">`)
  t.match(body, 'name="state" value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"')
  t.match(
    headers['content-security-policy'],
    /^default-src 'none';script-src 'self' 'sha256-[\w+/=]+';base-uri 'none';frame-ancestors 'none'$/,
  )
})

t.test('no header can change where the server says it is', async t => {
  const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' }
  const found = await server.inject({ url: '/oauth/.well-known/openid-configuration', headers })
  t.notMatch(found.body, /evil|gopher/)
  const begun = await server.inject({
    url: `/oauth/authorize?${authorizeQuery(app.id, 'openid', pkce().challenge)}`,
    headers,
  })
  t.match(begun.headers.location, new RegExp(`^${base}/authorize/`))
})

t.test('other features of the library do not answer', async t => {
  const elsewhere = [
    '/oauth/me',
    '/oauth/session/end',
    '/oauth/request',
    '/oauth/device',
    '/oauth/Token',
    '/oauth/REGISTER',
    '/oauth/',
  ]
  for (const path of elsewhere) t.equal((await server.inject({ method: 'POST', url: path })).statusCode, 404, path)
  const otherwise = [
    ['GET', 'token', 'POST, OPTIONS'],
    ['GET', 'token/introspection', 'POST, OPTIONS'],
    ['DELETE', 'token', 'POST, OPTIONS'],
    ['GET', 'register', 'POST'],
    ['OPTIONS', 'register', 'POST'],
    ['POST', 'register/x', 'GET, HEAD'],
    // "If the server does not support the delete method, the server MUST respond with an HTTP 405": RFC 7592.
    ['DELETE', 'register/x', 'GET, HEAD'],
    ['PUT', 'register/x', 'GET, HEAD'],
    ['POST', 'jwks.json', 'GET, HEAD, OPTIONS'],
  ] as const
  for (const [method, path, allow] of otherwise) {
    const { statusCode, headers, body } = await server.inject({ method, url: `/oauth/${path}` })
    t.match({ statusCode, allow: headers.allow }, { statusCode: 405, allow }, `${method} ${path}`)
    t.match(JSON.parse(body), {
      error: 'invalid_request',
      error_description: `${method} is not answered here; accepted: ${allow}`,
    })
  }
  for (const [path, allow] of [
    ['token', 'POST, OPTIONS'],
    ['token/revocation', 'POST, OPTIONS'],
    ['jwks.json', 'GET, HEAD, OPTIONS'],
  ] as const)
    for (const headers of [{}, { origin: 'https://app.example.org' }, { 'access-control-request-method': 'POST' }]) {
      const answer = await server.inject({ method: 'OPTIONS', url: `/oauth/${path}`, headers })
      t.match([answer.statusCode, answer.headers.allow, answer.body], [204, allow, ''], `OPTIONS ${path}`)
    }
  for (const path of ['jwks.json', '.well-known/openid-configuration'])
    t.equal((await server.inject({ method: 'HEAD', url: `/oauth/${path}` })).statusCode, 200, `HEAD ${path}`)
  const uris = { request_uri: 'https://app.example.org/request', request: 'e30.e30.' }
  for (const [name, value] of Object.entries(uris)) {
    const { location } = await world
      .browser()
      .begin(authorizeQuery(app.id, 'openid', pkce().challenge, { [name]: value }))
    t.match(location, new RegExp(`error=${name === 'request' ? 'request' : 'request_uri'}_not_supported`))
  }
})

t.test('what cannot be stored is refused, and is not a fault of the server', async t => {
  const { challenge } = pkce()
  const query = authorizeQuery(app.id, 'patient/Patient.rs', challenge, { state: 'a\0' })
  for (const method of ['GET', 'POST'] as const) {
    const begun = await world.browser().begin(query, method)
    t.match(begun, { status: 400, body: /We could not understand what your browser sent/ })
  }
  for (const path of ['/oauth/token', '/oauth/token/revocation', '/oauth/token/introspection'])
    t.match(await tokenRequest(server, { client_id: 'a\0', token: 'b\0', grant_type: 'refresh_token' }, {}, path), {
      status: 400,
      body: { error: 'invalid_request', error_description: 'A parameter may not contain the character U+0000' },
    })
})

t.test('the token endpoint answers whatever is sent, and reveals nothing of the server', async t => {
  const bodies = [
    '',
    'grant_type',
    'grant_type=x&grant_type=y',
    '%',
    'a=%ff&grant_type=refresh_token',
    `refresh_token=${'x'.repeat(60_000)}`,
  ]
  for (const body of bodies) {
    for (const type of ['application/x-www-form-urlencoded', 'application/json', 'text/plain']) {
      const answer = await server.inject({
        method: 'POST',
        url: '/oauth/token',
        headers: { 'content-type': type },
        payload: body,
      })
      t.ok(answer.statusCode >= 400 && answer.statusCode < 500, `${body.slice(0, 20)} as ${type}: ${answer.statusCode}`)
      t.notMatch(answer.body, /node_modules|stack|select /i)
    }
  }
})

t.test('a host that a request names before its path changes nothing either', async t => {
  const address = await server.listen({ port: 0, host: '127.0.0.1' })
  const here = `http://localhost:${new URL(address).port}`
  const told = (path: string) =>
    new Promise<string>((resolve, reject) => {
      const asked = request(address, { path: `http://evil.example${path}` }, answer => {
        text(answer).then(body => resolve(`${answer.headers.location} ${body}`), reject)
      })
      asked.on('error', reject).end()
    })
  t.match(await told('/oauth/.well-known/openid-configuration'), new RegExp(`"jwks_uri":"${here}/oauth/jwks.json"`))
  t.notMatch(await told('/oauth/.well-known/openid-configuration'), /evil/)
  const query = authorizeQuery(app.id, 'openid', pkce().challenge, { aud: `${here}/fhir` })
  t.match(await told(`/oauth/authorize?${query}`), new RegExp(`^${here}/authorize/`))
})
