import t from 'tap'
import { keepClient } from '../../../src/storage/authorization/client-registration.ts'
import { codeOf, keyIn } from '../../support/authenticator.ts'
import type { Browser } from '../../support/browser.ts'
import { authorizeQuery, pkce, redirectUri, tokenRequest } from '../world.ts'
import { openInstitution } from './institution.ts'
import { password } from './people.ts'
import { openSamlInstitution } from './saml-institution.ts'

const world = await openInstitution({ SSO_SECOND_FACTOR: 'told' })
const { newBrowser } = world
t.teardown(() => world.server.close())

const app = 'diary'
type World = Pick<typeof world, 'server' | 'database'>
const keepApp = ({ database }: World) =>
  keepClient(database, {
    id: app,
    name: 'Diary',
    policies: [],
    scope: '',
    selfRegistered: false,
    metadata: {
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    },
  })
await keepApp(world)

const vera = await world.holder('vera')
const user = { sub: 'vera-1', email: vera.email }
await world.link(newBrowser(), vera, user)

const now = Math.floor(Date.now() / 1000)
const hoursAgo = now - 6 * 3600
/** With this an app is told when somebody signed in. */
const day = { max_age: String(24 * 3600) }

/** Up to the page on which a person decides. */
const ask = async (browser: Browser, more: Readonly<Record<string, string>>) => {
  const { verifier, challenge } = pkce()
  const { location = '' } = await browser.get(`/oauth/authorize?${authorizeQuery(app, 'openid', challenge, more)}`)
  return { verifier, page: new URL(location).pathname }
}
type Asked = Awaited<ReturnType<typeof ask>>

/** When somebody signed in, as the app is told. */
const toldTime = async ({ server }: World, browser: Browser, { verifier, page }: Asked): Promise<unknown> => {
  const { location = '' } = await browser.send(page, { decision: 'allow', scope: 'openid' })
  const back = await browser.get(location.replace('http://localhost:8080', ''))
  const code = new URL(back.location ?? '').searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', client_id: app, code, redirect_uri: redirectUri }
  const { body } = await tokenRequest(server, { ...form, code_verifier: verifier })
  return JSON.parse(Buffer.from(body.id_token.split('.')[1], 'base64url').toString()).auth_time
}

const institutionIn = ({ body }: { readonly body: string }): string =>
  /href="\/sso(\?[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&') ?? ''

const anewFor = (page: string) => `/sign-in?continue=${encodeURIComponent(page)}&prompt=login`

for (const more of [{ prompt: 'login' }, { max_age: '60' }])
  t.test(
    `an app that asks for ${JSON.stringify(more)} makes the institution ask again, whoever is signed in here`,
    async t => {
      const browser = newBrowser()
      const asked = await ask(browser, more)
      const { page } = asked
      t.match(await browser.get(page), { status: 303, location: anewFor(page) })
      const query = `?continue=${encodeURIComponent(page)}&prompt=login`
      t.equal(institutionIn(await browser.get(anewFor(page))), query)
      const wrong = await browser.send(anewFor(page), { email: vera.email, password: 'no' }, '/sign-in')
      t.equal(wrong.status, 422)
      t.equal(institutionIn(wrong), query, 'even after a wrong password')

      t.match((await browser.get(`/sso${query}`)).location, /[?&]prompt=login(&|$)/)
      const old = await world.toCallback(browser, { ...user, auth_time: hoursAgo }, query)
      t.match(await browser.get(old), { status: 403 }, 'nobody is signed in by an earlier sign-in')
      t.match(await world.arrive(browser, { ...user, auth_time: now - 5 }, query), { status: 303, location: page })
      t.match(await browser.get(page), { status: 200 })
      t.ok(Number(await toldTime(world, browser, asked)) >= now - 5)
    },
  )

t.test('an earlier sign-in at the institution counts as that old, whatever the browser leaves out', async t => {
  for (const auth_time of [hoursAgo, undefined, 'yesterday'])
    for (const more of [{ prompt: 'login' }, { max_age: '60' }]) {
      const browser = newBrowser()
      const { page } = await ask(browser, more)
      await world.arrive(browser, { ...user, auth_time }, `?continue=${encodeURIComponent(page)}`)
      t.equal(await world.signedInAs(browser), 'vera')
      t.match(await browser.get(page), { status: 303, location: anewFor(page) }, `${auth_time} ${Object.keys(more)}`)
      const own = { email: vera.email, password }
      t.match(await browser.send(anewFor(page), own, '/sign-in'), { status: 303, location: page })
      t.match(await browser.get(page), { status: 200 }, 'the password suffices')
    }
})

t.test('an app that wants to know is told when somebody signed in at the institution', async t => {
  const browser = newBrowser()
  await world.arrive(browser, { ...user, auth_time: hoursAgo })
  t.equal(await toldTime(world, browser, await ask(browser, day)), hoursAgo)
  await world.arrive(browser, { ...user, auth_time: now + 3600 })
  const told = Number(await toldTime(world, browser, await ask(browser, day)))
  t.ok(told >= now && told < now + 3600, 'a clock that is ahead means now at most')
  const asked = await ask(browser, { prompt: 'login' })
  await world.arrive(
    browser,
    { ...user, auth_time: now + 3600 },
    `?continue=${encodeURIComponent(asked.page)}&prompt=login`,
  )
  const anew = Number(await toldTime(world, browser, asked))
  t.ok(anew >= now && anew < now + 3600, 'also where they had to be asked again')
})

t.test('a code that is asked for here makes the sign-in at the institution no younger', async t => {
  const browser = newBrowser()
  await browser.send('/sign-in', { email: vera.email, password })
  await browser.send('/account/second-factor/set-up', { password })
  const key = keyIn(await browser.get('/second-factor'))
  await browser.send('/second-factor', { code: await codeOf(key) })
  const asked = await ask(browser, { max_age: '60' })
  t.match(await browser.get(asked.page), { status: 200 }, 'the password was shown for it')

  const another = newBrowser()
  const { page } = await ask(another, { max_age: '60' })
  await world.arrive(another, { ...user, auth_time: hoursAgo })
  await another.send('/second-factor', { code: await codeOf(key, 1) })
  t.equal(await world.signedInAs(another), 'vera')
  t.match(await another.get(page), { status: 303, location: anewFor(page) })
  t.equal(await toldTime(world, another, await ask(another, day)), hoursAgo)
})

t.test('so it is with SAML', async t => {
  const saml = await openSamlInstitution()
  t.teardown(() => saml.server.close())
  await keepApp(saml)
  const wanda = await saml.holder('wanda')
  const said = { nameId: 'wanda-1', email: wanda.email }
  const first = saml.newBrowser()
  await saml.confirm(first, wanda, (await saml.arrive(first, said)).at)

  const browser = saml.newBrowser()
  await saml.arrive(browser, { ...said, signedIn: -6 * 3600 })
  const told = Number(await toldTime(saml, browser, await ask(browser, day)))
  t.ok(told >= hoursAgo - 60 && told <= hoursAgo + 600)
  const ahead = saml.newBrowser()
  await saml.arrive(ahead, { ...said, signedIn: 3600 })
  const latest = Number(await toldTime(saml, ahead, await ask(ahead, day)))
  t.ok(latest >= now && latest < now + 3600, 'a clock that is ahead means now at most')
  const { page } = await ask(browser, { prompt: 'login' })
  t.match(await browser.get(page), { status: 303, location: anewFor(page) })
  const query = `?continue=${encodeURIComponent(page)}&prompt=login`
  t.match(await saml.arrive(browser, { ...said, signedIn: -30 }, query), { status: 303, location: page })
  t.match(await browser.get(page), { status: 200 }, 'their clock may be behind by a minute')
})
