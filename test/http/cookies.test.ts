import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { Agent, fetch } from 'undici'
import { openApps, pkce, redirectUri } from '../auth/world.ts'
import { openTlsProxy } from '../support/tls.ts'

/** The server behind a proxy that ends TLS, seen from outside: what BASE_URL and TRUST_PROXY decide. */
const openSite = async (t: Test, environment: (origin: string) => Readonly<Record<string, string>>) => {
  const proxy = await openTlsProxy('localhost')
  const { server, client } = await openApps(environment(proxy.origin))
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  proxy.forwardTo(port)
  const dispatcher = new Agent({ connect: { ca: proxy.certificate } })
  t.teardown(async () => {
    await dispatcher.close()
    proxy.close()
    await server.close()
  })
  const ask = async (path: string, headers: Readonly<Record<string, string>> = {}, origin = proxy.origin) => {
    const answer = await fetch(`${origin}${path}`, { dispatcher, redirect: 'manual', headers })
    await answer.arrayBuffer()
    return { status: answer.status, headers: answer.headers, cookies: answer.headers.getSetCookie().map(withoutValue) }
  }
  const { id } = await client({ name: 'App' })
  return { ask, origin: proxy.origin, plain: `http://localhost:${port}`, client: id }
}

/** Its name and attributes. */
const withoutValue = (cookie: string): string => cookie.replace(/=[^;]*/, '').replace(/; [Ee]xpires=[^;]*/, '')

const authorize = (client: string, base: string): string => {
  const { challenge } = pkce()
  return `/oauth/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: client,
    redirect_uri: redirectUri,
    scope: 'patient/Patient.rs',
    state: 'state',
    aud: `${base}/fhir`,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })}`
}

/** Those of the authorization server; each has a signature beside it. */
const namesAndAttributes = (cookies: readonly string[]) => [
  ...new Set(
    cookies.map(one =>
      one
        .replace(/\.sig\b/, '')
        .replace(/(authorize\/)[\w-]+/, '$1ID')
        .toLowerCase(),
    ),
  ),
]

for (const trusted of ['none', '127.0.0.1'])
  t.test(`with TLS, cookies are only sent over TLS, whoever is trusted (${trusted})`, async t => {
    const { ask, origin, plain, client } = await openSite(t, origin => ({ BASE_URL: origin, TRUST_PROXY: trusted }))
    for (const [from, headers] of [
      [origin, {}],
      [origin, { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example' }],
      [plain, {}],
    ] as const) {
      const page = await ask('/sign-in', headers, from)
      t.same(page.cookies, ['__Host-sharewell-form; Path=/; HttpOnly; Secure; SameSite=Lax'])
      t.equal(page.headers.get('strict-transport-security'), 'max-age=31536000')
      const begun = await ask(authorize(client, origin), headers, from)
      t.equal(begun.status, 303)
      t.match(begun.headers.get('location'), `${origin}/authorize/`)
      t.same(namesAndAttributes(begun.cookies), [
        'sharewell_interaction; path=/authorize/id; samesite=none; secure; httponly',
        'sharewell_resume; path=/oauth/authorize/id; samesite=none; secure; httponly',
      ])
    }
  })

t.test('without TLS, cookies say so, whatever a proxy or a caller claims', async t => {
  const base = 'http://share.example.org'
  const { ask, origin, plain, client } = await openSite(t, () => ({ BASE_URL: base, TRUST_PROXY: '127.0.0.1' }))
  for (const [from, headers] of [
    [origin, {}],
    [plain, { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.example' }],
  ] as const) {
    const page = await ask('/sign-in', headers, from)
    t.same(page.cookies, ['sharewell-form; Path=/; HttpOnly; SameSite=Lax'])
    t.equal(page.headers.get('strict-transport-security'), null)
    const begun = await ask(authorize(client, base), headers, from)
    t.match(begun.headers.get('location'), `${base}/authorize/`)
    t.same(namesAndAttributes(begun.cookies), [
      'sharewell_interaction; path=/authorize/id; samesite=lax; httponly',
      'sharewell_resume; path=/oauth/authorize/id; samesite=lax; httponly',
    ])
  }
})
