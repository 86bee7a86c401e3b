import t from 'tap'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from './world.ts'

/** Behind a proxy that ends TLS. */
const address = 'https://share.example.org'
const world = await openApps({ BASE_URL: address })
const { server, ann, account, signIn, client } = world
t.teardown(() => server.close())

t.test('with BASE_URL every URL that others are given is below it', async t => {
  const { body: smart } = await server.inject('/fhir/.well-known/smart-configuration')
  const { body: openid } = await server.inject('/oauth/.well-known/openid-configuration')
  const { management_endpoint: page, ...told } = { ...JSON.parse(smart), ...JSON.parse(openid) }
  t.equal(page, `${address}/account/apps`)
  for (const [name, value] of Object.entries(told))
    if (typeof value === 'string') t.match(value, new RegExp(`^${address}/oauth(/|$)`), name)
})

t.test('with TLS, cookies of a request are sent in a frame of another site, and only over TLS', async t => {
  const app = await client({})
  const { verifier, challenge } = pkce()
  const query = authorizeQuery(app.id, 'patient/Patient.rs', challenge, { aud: `${address}/fhir` })
  const begun = await server.inject(`/oauth/authorize?${query}`)
  const [, id = ''] = new RegExp(`^${address}/authorize/([\\w-]+)$`).exec(String(begun.headers.location)) ?? []
  t.ok(id)
  t.equal(begun.cookies.length, 4)
  for (const cookie of begun.cookies)
    t.match(cookie, { sameSite: 'none', secure: true, httpOnly: true, path: /^\/(authorize|oauth)\// })
  t.ok(begun.cookies.some(({ name, path }) => name === 'sharewell_interaction' && path === `/authorize/${id}`))

  const cookies = begun.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
  const anns = await signIn(await account(ann))
  const scopes = ['patient/Patient.rs']
  const resume = await server.authorization.interactions.allow(id, cookies, anns, { scopes })
  t.ok(resume.startsWith(`${address}/oauth/authorize/`))
  const back = await server.inject({ url: resume.slice(address.length), headers: { cookie: cookies } })
  const code = new URL(String(back.headers.location)).searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { body } = await tokenRequest(server, { ...form, client_id: app.id })
  t.match(body, { patient: ann, smart_style_url: `${address}/smart-style/1.json` })
})
