import type { InjectOptions } from 'fastify'
import t from 'tap'
import { assertion, assertionType, makeKey } from '../auth/backend.ts'
import { authorizeQuery, openApps, pkce, redirectUri } from '../auth/world.ts'
import { setBackWhile } from '../support/clock.ts'

const world = await openApps({ TRUST_PROXY: '10.0.0.1' })
const { server, client, lab } = world
t.teardown(() => server.close())

const asForm = { 'content-type': 'application/x-www-form-urlencoded' }
const post = (path: string, form: Readonly<Record<string, string>>, more: InjectOptions = {}): InjectOptions => ({
  method: 'POST',
  url: `/oauth/${path}`,
  payload: new URLSearchParams(form).toString(),
  ...more,
  headers: { ...asForm, ...more.headers },
})
const from = (remoteAddress: string): InjectOptions => ({ remoteAddress })

/** All limits are a multiple of it: requests that are counted together are refused together. */
const together = 10

/** How often each status came for this many requests. */
const statusesOf = async (times: number, request: InjectOptions) => {
  const counts = new Map<number, number>()
  for (let sent = 0; sent < times; sent += together) {
    const some = Array.from({ length: Math.min(together, times - sent) }, () => server.inject(request))
    for (const { statusCode } of await Promise.all(some)) counts.set(statusCode, (counts.get(statusCode) ?? 0) + 1)
  }
  return Object.fromEntries(counts)
}

/** Requests that are refused for a character that no parameter may have are counted as well, and are next to no work. */
const filled = (times: number, request: InjectOptions) =>
  statusesOf(times, { ...request, payload: `${request.payload}&more=%00` })

const [one, other] = [await client({}), await client({})]
const refresh = (client_id: string) => ({ grant_type: 'refresh_token', refresh_token: 'x'.repeat(43), client_id })

t.test(
  'the token endpoint answers a client 600 times a minute from one address, and then says when to come back',
  async t => {
    const request = post('token', refresh(one.id), from('192.0.2.1'))
    t.strictSame(await statusesOf(602, request), { 400: 600, 429: 2 })
    const { headers, body } = await server.inject({
      ...request,
      headers: { ...asForm, origin: 'https://app.example.org' },
    })
    t.match(headers['retry-after'], /^([1-9]|[1-5]\d|60)$/)
    t.match(headers, {
      'content-type': /^application\/json/,
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Retry-After',
    })
    t.match(JSON.parse(body), {
      error: 'temporarily_unavailable',
      error_description: /^Too many requests: wait \d+ seconds$/,
    })
    t.equal(
      (await server.inject(post('token', refresh(other.id), from('192.0.2.1')))).statusCode,
      400,
      'another client there',
    )
    t.equal(
      (await server.inject(post('token', refresh(one.id), from('192.0.2.2')))).statusCode,
      400,
      'nor is it shut out elsewhere',
    )
    t.equal(
      (await server.inject(post('token', refresh(one.id), from('::ffff:192.0.2.1')))).statusCode,
      429,
      'however it is written',
    )
    setBackWhile(t, 61)
    t.equal((await server.inject(request)).statusCode, 400, 'a minute later, even if the clock was set back')
  },
)

t.test('in whichever way a client identifies itself, it is the same client', async t => {
  const ways: Readonly<Record<string, (id: string) => Promise<InjectOptions>>> = {
    'HTTP Basic': async id =>
      post(
        'token',
        { grant_type: 'client_credentials' },
        { headers: { authorization: `Basic ${Buffer.from(`${id}:x`).toString('base64')}` } },
      ),
    'an assertion': async id =>
      post('token', {
        grant_type: 'client_credentials',
        client_assertion_type: assertionType,
        client_assertion: await assertion(id, await makeKey('ES384')),
      }),
  }
  for (const [way, requestOf] of Object.entries(ways)) {
    const { id } = await client({})
    const sent = { ...(await requestOf(id)), ...from('192.0.2.20') }
    t.strictSame(await filled(599, sent), { 400: 599 })
    t.match(Object.keys(await statusesOf(2, sent)), [/^40[01]$/, '429'], way)
    t.equal(
      (await server.inject({ ...post('token', refresh(id)), ...from('192.0.2.20') })).statusCode,
      429,
      `${way}, and in the form`,
    )
  }
})

t.test('nor is it another client because its id is spelled in another way, or named where it is not read', async t => {
  const { id } = await client({})
  const request = { ...post('token', refresh(id)), ...from('192.0.2.21') }
  t.strictSame(await filled(600, request), { 400: 600 })
  const spelled = [...id].map(letter => `%${letter.charCodeAt(0).toString(16)}`).join('')
  const authorization = `Basic ${Buffer.from(`${spelled}:x`).toString('base64')}`
  const { headers } = request
  for (const [way, other] of Object.entries({
    'in Basic, percent-encoded': { ...request, headers: { ...headers, authorization } },
    'with another id in the query': { ...request, url: '/oauth/token?client_id=another' },
    'with an assertion, and another id in the query': {
      ...post('token', {
        grant_type: 'client_credentials',
        client_assertion_type: assertionType,
        client_assertion: await assertion(id, await makeKey('ES384')),
      }),
      ...from('192.0.2.21'),
      url: '/oauth/token?client_id=another',
    },
  }))
    t.equal((await server.inject(other)).statusCode, 429, way)
})

t.test('a person whose browser is sent too often is shown a page that says to wait', async t => {
  const query = authorizeQuery(one.id, 'openid', pkce().challenge)
  const request = { url: `/oauth/authorize?${query}`, remoteAddress: '192.0.2.3' }
  t.strictSame(await statusesOf(601, request), { 303: 600, 429: 1 })
  const { headers, body } = await server.inject(request)
  t.match(headers, { 'content-type': 'text/html; charset=utf-8', 'retry-after': /^\d+$/, location: undefined })
  t.match(
    body,
    /<h1>Too many requests<\/h1>\s*<p>Many requests came from you, or from your network, within a minute. Please wait a minute and try again.<\/p>/,
  )
  const posted = post('authorize', Object.fromEntries(query), from('192.0.2.3'))
  t.equal((await server.inject(posted)).statusCode, 429, 'by POST too')
})

t.test('a longer request from one address counts as several, since it is stored', async t => {
  const long = (bytes: number) => {
    const form = { client_id: one.id, state: '' }
    const { length } = new URLSearchParams({ ...form, more: '\0' }).toString()
    return post(
      'authorize',
      { ...form, state: 'x'.repeat(bytes - length - '/oauth/authorize'.length) },
      from('192.0.2.7'),
    )
  }
  t.strictSame(await filled(100, long(10 * 4096)), { 400: 100 })
  t.strictSame(await filled(199, long(4096)), { 400: 199 })
  t.strictSame(await filled(1, long(4097)), { 429: 1 })
  t.strictSame(await statusesOf(1, { ...long(500), ...from('192.0.2.8') }), { 400: 1 }, 'nobody else is refused for it')
})

t.test('from one address a thousand apps a day can register, since each may be kept for a month', async t => {
  const performanceNow = performance.now
  let passedMs = 0
  performance.now = () => performanceNow.call(performance) + passedMs
  t.teardown(() => {
    performance.now = performanceNow
  })
  const register = (remoteAddress: string, name = 'App', redirect = 'refused'): InjectOptions => ({
    method: 'POST',
    url: '/oauth/register',
    remoteAddress,
    headers: { 'content-type': 'application/json' },
    payload: { client_name: name, redirect_uris: [redirect], token_endpoint_auth_method: 'none' },
  })
  const aMinute = async (request: InjectOptions) => {
    const statuses = await statusesOf(30, request)
    passedMs += 60_000
    return statuses
  }
  for (let passed = 0; passed < 33; passed += 1) t.strictSame(await aMinute(register('192.0.2.9')), { 400: 30 })
  t.strictSame(await statusesOf(11, register('192.0.2.9')), { 400: 10, 429: 1 })
  passedMs += 60_000
  const { headers, statusCode } = await server.inject(register('192.0.2.9', 'App', redirectUri))
  t.equal(statusCode, 429)
  t.ok(Number(headers['retry-after']) > 3600, 'until the day is over')
  t.equal((await server.inject(register('192.0.2.10', 'App', redirectUri))).statusCode, 201, 'nobody else')
  const long = register('192.0.2.11', 'x'.repeat(40_000))
  const statuses = []
  for (let times = 0; times < 4; times += 1) statuses.push((await server.inject(long)).statusCode)
  t.strictSame(statuses, [400, 400, 400, 429], 'one of 40 kB counts as ten')
  passedMs += 86_400_000
  t.equal((await server.inject(register('192.0.2.9', 'App', redirectUri))).statusCode, 201, 'the day after')
})

t.test('an institution behind one address has room for all its apps, and a limit as a whole', async t => {
  const apps = await Promise.all(Array.from({ length: 5 }, () => client({})))
  for (const { id } of apps)
    t.strictSame(await filled(600, post('token', refresh(id), from('192.0.2.4'))), { 400: 600 })
  t.strictSame(await statusesOf(1, post('token', refresh(one.id), from('192.0.2.4'))), { 429: 1 })
})

t.test('a backend service that asks for a token whenever its last one expired is never refused', async t => {
  const key = await makeKey('ES384')
  const { id } = await client({
    organization: lab.organization,
    scope: 'system/Observation.rs',
    metadata: {
      redirect_uris: [],
      grant_types: ['client_credentials'],
      response_types: [],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    },
  })
  for (let times = 0; times < 24; times += 1) {
    const form = {
      grant_type: 'client_credentials',
      scope: 'system/Observation.rs',
      client_assertion_type: assertionType,
      client_assertion: await assertion(id, key),
    }
    t.equal((await server.inject(post('token', form, from('192.0.2.5')))).statusCode, 200)
  }
})

t.test('introspection, revocation and registration have limits of their own', async t => {
  const token = { token: 'x'.repeat(43), client_id: one.id }
  for (const [path, most] of [
    ['token/introspection', 3000],
    ['token/revocation', 600],
  ] as const) {
    const request = post(path, token, from('192.0.2.6'))
    t.strictSame(await filled(most - 1, request), { 400: most - 1 })
    t.strictSame(await statusesOf(2, request), { 200: 1, 429: 1 }, path)
  }
  const app = { client_name: 'App', redirect_uris: [redirectUri], token_endpoint_auth_method: 'none' }
  const register: InjectOptions = {
    method: 'POST',
    url: '/oauth/register',
    remoteAddress: '192.0.2.6',
    headers: { 'content-type': 'application/json' },
    payload: app,
  }
  t.strictSame(await statusesOf(31, register), { 201: 30, 429: 1 })
  const registered = { url: '/oauth/register/unknown', remoteAddress: '192.0.2.8' }
  t.strictSame(await statusesOf(31, registered), { 401: 30, 429: 1 }, 'and so has what is below a path')
  for (const path of [
    '/oauth/jwks.json',
    '/oauth/.well-known/openid-configuration',
    '/fhir/.well-known/smart-configuration',
  ])
    t.equal((await server.inject({ url: path, remoteAddress: '192.0.2.6' })).statusCode, 200, path)
})

t.test('what a browser asks before it sends something is not counted', async t => {
  const preflight = { method: 'OPTIONS', url: '/oauth/register', remoteAddress: '192.0.2.13' } as const
  t.strictSame(await statusesOf(31, preflight), { 405: 31 })
})

t.test('a body has at most 56 KB, since anybody may send one', async t => {
  const sent = (length: number) =>
    server.inject(post('token', {}, { ...from('192.0.2.12'), payload: 'x='.padEnd(length, 'x') }))
  t.equal((await sent(56 * 1024)).statusCode, 401)
  const { statusCode, body } = await sent(56 * 1024 + 1)
  const error_description = 'The body has more than 57344 bytes: ask for less at once'
  t.same([statusCode, JSON.parse(body)], [413, { error: 'invalid_request', error_description }])
})

t.test('behind a proxy of TRUST_PROXY its clients are told apart; nobody else can claim an address', async t => {
  const forwarded = (remoteAddress: string, address: string) =>
    post('token', refresh(other.id), { remoteAddress, headers: { 'x-forwarded-for': address } })
  t.strictSame(await filled(599, forwarded('10.0.0.1', '198.51.100.1')), { 400: 599 })
  t.strictSame(await statusesOf(2, forwarded('10.0.0.1', '198.51.100.1')), { 400: 1, 429: 1 })
  for (const withPort of ['198.51.100.1:1024', '[::ffff:198.51.100.1]:1025'])
    t.strictSame(await statusesOf(1, forwarded('10.0.0.1', withPort)), { 429: 1 }, withPort)
  t.strictSame(await statusesOf(1, forwarded('10.0.0.1', '198.51.100.2')), { 400: 1 })
  t.strictSame(await filled(600, forwarded('203.0.113.1', '198.51.100.3')), { 400: 600 })
  t.strictSame(await statusesOf(1, forwarded('203.0.113.1', '198.51.100.4')), { 429: 1 }, 'a header of their own')
})
