import { type AddressInfo, createServer } from 'node:net'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openInstitution } from './institution.ts'
import { clientId, type Misbehaviour } from './mock-provider.ts'

const world = await openInstitution()
const { server, provider, newBrowser } = world
t.teardown(() => server.close())

const ana = { sub: 'ana-1', email: 'Ana@Riverside.example', name: 'Ana Castillo' }

t.test('the sign-in page leads to the institution, with everything that a safe sign-in needs', async t => {
  const browser = newBrowser()
  const page = await browser.get('/sign-in?continue=/account/sessions')
  t.match(
    page.body,
    /<a class="btn btn-primary" href="\/sso\?continue=%2Faccount%2Fsessions">Sign in with Riverside<\/a>/,
  )
  const { status, location = '', headers } = await browser.get('/sso?continue=%2Faccount%2Fsessions')
  t.equal(status, 303)
  const url = new URL(location)
  t.equal(`${url.origin}${url.pathname}`, `${provider.issuer}/authorize`)
  t.match(Object.fromEntries(url.searchParams), {
    tenant: '1',
    response_type: 'code',
    client_id: clientId,
    redirect_uri: 'http://localhost:8080/sso/callback',
    scope: /^openid email profile$/,
    state: /^[\w-]{22}$/,
    nonce: /^[\w-]{43}$/,
    code_challenge: /^[\w-]{43}$/,
    code_challenge_method: 'S256',
  })
  t.notOk(url.searchParams.has('prompt'))
  t.match([headers['set-cookie']].flat(), [/^sharewell-sso=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/])
  t.match(
    await browser.get('/sso?prompt=login'),
    { location: /[?&]prompt=login(&|$)/ },
    'and asks anew where it has to',
  )
})

t.test('somebody without an account makes one, and signs in with the institution from then on', async t => {
  const browser = newBrowser()
  const first = await world.arrive(browser, ana, '?continue=%2Faccount%2Fsessions')
  t.match(wordsOf(first), /Create your account.*sign in with Riverside.*address here is ana@riverside\.example/)
  t.match(first.body, /name="name"[^>]*>\s*|value="Ana Castillo"/)
  t.equal(browser.cookies.get('sharewell-session'), undefined, 'nobody is signed in before that')
  t.match(await browser.send(first.at, { name: ' ' }, `${first.at}/account`), { status: 422, body: /Enter your name/ })
  t.has(await browser.send(first.at, { name: 'Ana C.' }, `${first.at}/account`), {
    status: 303,
    location: '/account/sessions',
  })
  t.equal(await world.signedInAs(browser), 'Ana C.')
  t.match(await browser.get(first.at), { status: 410 }, 'the arrival is used up')

  const later = newBrowser()
  t.has(await world.arrive(later, { sub: 'ana-1' }), { status: 303, location: '/account' }, 'even without an address')
  t.equal(await world.signedInAs(later), 'Ana C.')
  const { entry } = await world.fhir('GET', 'Person?name=Ana')
  t.equal(entry.length, 1)
  const { id: _, meta: __, ...person } = entry[0].resource
  t.same(person, {
    resourceType: 'Person',
    active: true,
    name: [{ text: 'Ana C.' }],
    identifier: [{ system: provider.issuer, value: 'ana-1' }],
  })
})

t.test('an arrival that was answered 503 signs in when its page is loaded again, once', async t => {
  const browser = newBrowser()
  const { location = '' } = await browser.get(await world.toCallback(browser, { sub: 'ana-1' }))
  const enter = () => browser.get(location)
  t.match(await whileGoneAt(world.database, 'user_session', enter), { status: 503 })
  t.has(await enter(), { status: 303, location: '/account' })
  t.equal(await world.signedInAs(browser), 'Ana C.')
  t.match(await enter(), { status: 410 })
})

t.test('while our database is away, nobody is told that the institution cannot be reached or trusted', async t => {
  const browser = newBrowser()
  t.match(await whileGoneAt(world.database, 'sso_request', () => browser.get('/sso')), { status: 503 })
  const back = await world.toCallback(browser, { sub: 'ana-1' })
  t.match(await whileGoneAt(world.database, 'sso_arrival', () => browser.get(back)), { status: 503 })
})

t.test('it leads back to a page of this server and to no other', async t => {
  for (const elsewhere of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)'])
    t.has(
      await world.arrive(newBrowser(), ana, `?${new URLSearchParams({ continue: elsewhere })}`),
      { status: 303, location: '/account' },
      elsewhere,
    )
})

t.test('signing in ends the previous session of the browser, and signing out the current one', async t => {
  const browser = newBrowser()
  await world.arrive(browser, ana)
  const before = browser.cookies.get('sharewell-session') ?? ''
  await world.arrive(browser, ana)
  t.not(browser.cookies.get('sharewell-session'), before)
  const old = newBrowser()
  old.cookies.set('sharewell-session', before)
  t.match(await old.get('/account'), { status: 303, location: '/sign-in?continue=%2Faccount' })
  await browser.send('/account', {}, '/sign-out')
  t.match(await browser.get('/account'), { status: 303, location: '/sign-in?continue=%2Faccount' })
})

t.test('an answer is valid once, and only in the browser in which it began', async t => {
  const [browser, stranger] = [newBrowser(), newBrowser()]
  await stranger.get('/sso')
  const back = await world.toCallback(browser, ana)
  t.match(await stranger.get(back), { status: 400, body: /This sign-in is over/ })
  const answers = await Promise.all([browser.get(back), browser.get(back), browser.get(back)])
  t.same(answers.map(({ status }) => status).sort(), [303, 400, 400])
  const { location = '' } = answers.find(({ status }) => status === 303) ?? {}
  t.match(await stranger.get(location), { status: 410 }, 'nor is the arrival')
  t.equal(stranger.cookies.get('sharewell-session'), undefined)
  const arrivals = await Promise.all([browser.get(location), browser.get(location)])
  t.same(arrivals.map(({ status }) => status).sort(), [303, 410], 'of two at once one is signed in')
})

t.test('an answer is valid for ten minutes, and the arrival for half an hour', async t => {
  const browser = newBrowser()
  const user = { sub: 'slow-1', email: 'slow@riverside.example', name: 'Slow' }
  const [intime, late] = [await world.toCallback(browser, user), await world.toCallback(browser, user)]
  const older = (table: 'sso_request' | 'sso_arrival', time: string) =>
    world.database.run(sql.fragment`UPDATE ${sql.identifier([table])} SET expires_at = expires_at - ${time}::interval`)
  await older('sso_request', '9 minutes 50 seconds')
  const { location = '' } = await browser.get(intime)
  t.match(location, /^\/sso\/arrivals\/[\w-]{43}$/)
  await older('sso_request', '10 seconds')
  t.match(await browser.get(late), { status: 400, body: /This sign-in is over/ })
  await older('sso_arrival', '29 minutes 50 seconds')
  t.match(await browser.get(location), { status: 200, body: /Create your account/ })
  await older('sso_arrival', '10 seconds')
  t.match(await browser.get(location), { status: 410, body: /This sign-in is over/ })
})

t.test('an arrival from another provider than the one that is configured now signs nobody in', async t => {
  const browser = newBrowser()
  const { location = '' } = await browser.get(await world.toCallback(browser, ana))
  await world.database.run(
    sql.fragment`UPDATE sso_arrival SET arrived = arrived || '{"issuer":"https://former.riverside.example"}'`,
  )
  t.match(await browser.get(location), { status: 410, body: /This sign-in is over/ })
  t.equal(browser.cookies.get('sharewell-session'), undefined)
})

t.test('two windows of one browser sign in independently, in whatever order they come back', async t => {
  const windows = ['/account/sessions', '/account/name']
  for (const order of [windows, windows.toReversed()]) {
    const browser = newBrowser()
    const begun = new Map<string, string>()
    for (const page of windows)
      begun.set(page, await world.toCallback(browser, ana, `?${new URLSearchParams({ continue: page })}`))
    for (const page of order) {
      const back = await browser.get(begun.get(page) ?? '')
      t.match(await world.arrival(browser, back), { status: 303, location: page }, `${page} of ${order}`)
    }
  }
})

t.test('the code of one sign-in cannot be used with the state of another, even in the same browser', async t => {
  const browser = newBrowser()
  const tabs = [await world.toCallback(browser, ana), await world.toCallback(browser, ana)]
  const [first, second] = tabs.map(back => new URLSearchParams(back.split('?')[1]))
  first?.set('code', second?.get('code') ?? '')
  t.match(await browser.get(`/sso/callback?${first}`), { status: 502, body: /could not make sure who you are/ })
})

t.test('somebody who had to sign in again, but signed in earlier, is not signed in', async t => {
  const now = Math.floor(Date.now() / 1000)
  const arrive = async (query: string, auth_time: unknown) => {
    const browser = newBrowser()
    return browser.get(await world.toCallback(browser, { ...ana, auth_time }, query))
  }
  t.match(await arrive('?prompt=login', now - 600), { status: 403, body: /Riverside did not ask you again/ })
  for (const auth_time of ['0', null])
    t.match(await arrive('?prompt=login', auth_time), { status: 502, body: /could not make sure who you are/ })
  t.match(await arrive('?prompt=login', now), { status: 303 })
  t.match(await arrive('?prompt=login', undefined), { status: 303 }, 'a provider that does not say when is believed')
  t.match(await arrive('', now - 600), { status: 303 }, 'if that was not required it does not matter')
})

t.test('a refusal by the provider is accepted', async t => {
  const browser = newBrowser()
  const { location = '' } = await browser.get('/sso?continue=%2Faccount%2Fsessions')
  const state = new URL(location).searchParams.get('state') ?? ''
  const query = new URLSearchParams({ error: 'access_denied', state, iss: provider.issuer })
  const { status, body } = await browser.get(`/sso/callback?${query}`)
  t.match({ status, body }, { status: 403, body: /Riverside said no/ })
  t.match(body, 'href="/sign-in?continue=%2Faccount%2Fsessions"', 'a password leads to where they were going')
})

t.test('an address that the provider says is not confirmed does not count, whatever else it says of it', async t => {
  const told = { sub: 'edov-1', email: 'edov@riverside.example', xms_edov: true }
  t.match(await world.arrive(newBrowser(), { ...told, email_verified: false }), {
    status: 403,
    body: /We do not know whose account this is/,
  })
  const entra = await world.arrive(newBrowser(), { ...told, email_verified: undefined })
  t.match(wordsOf(entra), /address here is edov@riverside\.example/, 'as Entra ID says it')
})

t.test('somebody without an address of the institution signs in with a password, and continues', async t => {
  const stranger = { sub: 'stranger-1', email: 'stranger@elsewhere.example' }
  const { status, body } = await world.arrive(newBrowser(), stranger, '?continue=%2Faccount%2Fsessions')
  t.match({ status, body }, { status: 403, body: /We do not know whose account this is/ })
  t.match(body, 'href="/sign-in?continue=%2Faccount%2Fsessions"')
})

const seconds = Math.floor(Date.now() / 1000)
const atCallback: readonly (readonly [string, Misbehaviour])[] = [
  ['another issuer in the id_token', { claims: { iss: 'https://evil.example' } }],
  ['an issuer that differs by a slash', { claims: { iss: `${provider.issuer}/` } }],
  ['another nonce', { claims: { nonce: 'another' } }],
  ['no nonce', { claims: { nonce: undefined } }],
  ['another audience', { claims: { aud: 'another' } }],
  ['an id_token that was issued to another client', { claims: { aud: [clientId, 'other'], azp: 'other' } }],
  ['an id_token with several audiences and no azp', { claims: { aud: [clientId, 'other'] } }],
  ['an expired id_token', { claims: { iat: seconds - 900, exp: seconds - 600 } }],
  ['an id_token that never expires', { claims: { exp: undefined } }],
  ['an id_token without a sub', { claims: { sub: undefined } }],
  ['an id_token with an empty sub', { claims: { sub: '' } }],
  ['no signature', { idToken: 'unsigned' }],
  ['the signature of another key', { idToken: 'by another key' }],
  ['a signature with the shared secret', { idToken: 'by the secret' }],
  ['no id_token', { idToken: 'absent' }],
  ['no iss, though it says that it sends one', { iss: undefined }],
  ['the iss of another provider', { iss: 'https://evil.example' }],
  ['a refused code', { instead: { status: 400 } }],
  ['a token endpoint that does not answer', { slow: 'token' }],
  ['an endless token response', { huge: 'token' }],
  ['a token endpoint that redirects', { instead: { status: 307, headers: { location: '/realms/staff/token' } } }],
  ['keys that do not come', { slow: 'keys' }],
  ['endless keys', { huge: 'keys' }],
]

for (const [what, misbehaviour] of atCallback)
  t.test(`nobody is signed in by ${what}`, async t => {
    const browser = newBrowser()
    const back = await world.toCallback(browser, ana, '?continue=%2Faccount%2Fsessions')
    provider.misbehave(misbehaviour)
    t.teardown(() => provider.misbehave({}))
    const [path, query] = back.split('?')
    const search = new URLSearchParams(query)
    if ('iss' in misbehaviour) {
      search.delete('iss')
      if (misbehaviour.iss !== undefined) search.set('iss', misbehaviour.iss)
    }
    const refused = await browser.get(`${path}?${search}`)
    t.match(refused, { status: 502, body: /could not make sure who you are/ })
    t.match(refused.body, 'href="/sign-in?continue=%2Faccount%2Fsessions"', 'a password leads to where they were going')
    t.equal(browser.cookies.get('sharewell-session'), undefined)
  })

const described: readonly (readonly [string, Misbehaviour])[] = [
  ['has another issuer', { metadata: { issuer: 'https://evil.example' } }],
  ['only supports plain PKCE', { metadata: { code_challenge_methods_supported: ['plain'] } }],
  ['has a script as its page', { metadata: { authorization_endpoint: 'javascript:alert(1)' } }],
  ['has no keys', { metadata: { jwks_uri: undefined } }],
  ['has its token endpoint at an internal address', { metadata: { token_endpoint: 'http://169.254.169.254/token' } }],
  ['does not answer', { slow: 'metadata' }],
  ['answers endlessly', { huge: 'metadata' }],
]

for (const [what, misbehaviour] of described)
  t.test(`no browser is sent to a provider that ${what}, and passwords still sign in`, async t => {
    provider.misbehave(misbehaviour)
    t.teardown(() => provider.misbehave({}))
    const fresh = await world.open()
    t.teardown(() => fresh.close())
    const answer = await fresh.inject({ url: '/sso' })
    t.match(answer, { statusCode: 502, body: /Riverside does not answer/ })
    t.equal(answer.headers.location, undefined)
    t.equal((await fresh.inject({ url: '/sign-in' })).statusCode, 200)
  })

for (const [what, methods] of [
  ['only in the form', ['client_secret_post']],
  ['in both ways, and may not decode it in the header,', ['client_secret_post', 'client_secret_basic']],
] as const)
  t.test(`a provider that takes the secret ${what} gets one with special characters in the form`, async t => {
    provider.misbehave({ metadata: { token_endpoint_auth_methods_supported: methods } })
    const fresh = await world.open()
    t.teardown(async () => {
      provider.misbehave({})
      await fresh.close()
    })
    const browser = openBrowser(fresh)
    t.match(await browser.get(await world.toCallback(browser, ana)), { status: 303 })
  })

t.test('the code is sent to no address that is not public, whatever name it has', async t => {
  let connections = 0
  const listening = createServer(socket => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>(resolve => listening.listen(0, '127.0.0.1', resolve))
  const { port } = listening.address() as AddressInfo
  provider.misbehave({ metadata: { token_endpoint: `https://localhost:${port}/token` } })
  const fresh = await world.open()
  t.teardown(async () => {
    provider.misbehave({})
    listening.close()
    await fresh.close()
  })
  const browser = openBrowser(fresh)
  t.match(await browser.get(await world.toCallback(browser, ana)), { status: 502, body: /could not make sure/ })
  t.equal(connections, 0)
})

t.test('keys are only requested where requests are allowed', async t => {
  provider.misbehave({ metadata: { jwks_uri: 'http://169.254.169.254/keys' } })
  const fresh = await world.open()
  t.teardown(async () => {
    provider.misbehave({})
    await fresh.close()
  })
  const browser = openBrowser(fresh)
  t.match(await browser.get(await world.toCallback(browser, ana)), { status: 502, body: /could not make sure/ })
})

t.test('an address that only the UserInfo endpoint tells counts, if it is the same person’s and confirmed', async t => {
  const told = { sub: 'uma-1', email: 'uma@riverside.example', email_verified: true, name: 'Uma Stone' }
  provider.misbehave({ userInfo: told })
  const fresh = await world.open()
  t.teardown(async () => {
    provider.misbehave({})
    await fresh.close()
  })
  const arrive = async (sub: string, userInfo: object, more = {}) => {
    provider.misbehave({ userInfo: { ...userInfo } })
    const browser = openBrowser(fresh)
    return world.arrival(browser, await browser.get(await world.toCallback(browser, { sub, ...more })))
  }
  const first = await arrive('uma-1', told)
  t.match(wordsOf(first), /Create your account.*address here is uma@riverside\.example/)
  t.match(first.body, /value="Uma Stone"/)
  const unknown = { status: 403, body: /We do not know whose account this is/ }
  t.match(await arrive('uma-2', told), unknown, 'somebody else’s')
  t.match(await arrive('uma-1', { ...told, email_verified: false }), unknown, 'not confirmed')
  t.match(await arrive('uma-1', { ...told, email_verified: undefined }), unknown, 'not said to be confirmed')
  t.has(await arrive('ana-1', told), { status: 303, location: '/account' }, 'somebody who is linked needs none')
  provider.asked.length = 0
  t.match(wordsOf(await arrive('vic-1', told, { email: 'vic@riverside.example' })), /address here is vic@riverside/)
  t.notOk(provider.asked.includes('/realms/staff/userinfo'), 'it is only requested if none is signed')
})
