import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'

const world = await openApps()
const { server, database, ann, bob, account, client, signIn, send, study } = world
t.teardown(() => server.close())

const page = '/account/apps'
const browserOf = async (person: string, headers = {}) => {
  const browser = openBrowser(server, { headers })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}

const launch_uris = ['https://app.example.org/launch']
const app = await client({ name: 'Heart <diary>', metadata: { launch_uris } })
const [anns, bobs] = [await account(ann), await account(bob)]
const scopes = ['patient/Patient.rs', 'patient/Observation.rs?code=omh:heart-rate']
const allow = async (client = app.id, person = anns): Promise<string> => {
  const { verifier, challenge } = pkce()
  const asking = world.browser()
  const { id } = await asking.begin(authorizeQuery(client, scopes.join(' '), challenge))
  const code = (await asking.allow(id, await signIn(person), { scopes })).searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return (await tokenRequest(server, { ...form, client_id: client })).body.access_token
}
const token = await allow()
const status = async () => (await send(token, 'GET', `Patient/${ann}`)).statusCode

t.test('nobody sees or ends what somebody else has granted to an app', async t => {
  const grant = /name="app" value="([^"]*)"/.exec((await (await browserOf(anns)).get(page)).body)?.[1] ?? ''
  const other = await browserOf(bobs)
  t.match(wordsOf(await other.get(page)), 'No app may do anything in your name')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await other.get(page)).body)?.[1] ?? ''
  t.match(await other.post(page, { _csrf, app: grant }), { status: 303 })
  t.match(await (await browserOf(anns)).post(page, { app: grant }), { status: 403 }, 'nor does a form of another site')
  t.match(await openBrowser(server).get(page), { status: 303, location: '/sign-in?continue=%2Faccount%2Fapps' })
  t.equal(await status(), 200)
})

t.test('a person sees what they have granted, on the page of what they share too, and ends it at once', async t => {
  const browser = await browserOf(anns)
  const nothing = 'You share nothing with anybody'
  const shared = await browser.get('/sharing')
  t.match(wordsOf(shared), /To hearts Heart rate, from any device: measured from 1 January 2000 \(UTC\) Read about/)
  await browser.send('/sharing', { all: 'yes' })
  await (await browserOf(bobs)).send('/sharing', { all: 'yes' })
  t.match(wordsOf(await browser.get('/sharing')), `${nothing} but the apps that you have allowed.`)
  t.match(
    wordsOf(shared),
    'Apps that you have allowed go on, whatever you stop here, until you disconnect them: Heart &lt;diary&gt; .',
  )
  t.match(shared.body, '<a href="/account/apps">Heart &lt;diary&gt;</a>')
  t.match(wordsOf(await (await browserOf(bobs)).get('/sharing')), `${nothing}.`)
  t.match(
    wordsOf(await browser.get(page)),
    /Heart &lt;diary&gt; Read your name, birth date, address and contact details Read your heart rate Allowed .* UTC\. It ends/,
  )
  t.match(await browser.send(page, {}), { status: 303, location: `${page}?done=ended` })
  t.match(
    wordsOf(await browser.get(`${page}?done=ended`)),
    'What you allowed is ended. No app may do anything in your name',
  )
  t.equal(await status(), 401)
  t.match(wordsOf(await browser.get('/sharing')), `${nothing}.`)
})

t.test('patients connect the apps that can be opened from here, in their language, and each once', async t => {
  const granted = await browserOf(anns)
  const later = await client({ name: 'Sleep diary', metadata: { launch_uris } })
  await client({ name: 'Not to be opened' })
  const offered = async (browser: typeof granted) => wordsOf(await browser.get(page)).split('Connect an app ')[1]
  t.match(await offered(granted), /Heart &lt;diary&gt; Sleep diary Back to/)
  await allow()
  t.match(await offered(granted), /^Before it opens, .* can say no\. Sleep diary Back to/)
  const other = await browserOf(bobs)
  t.match(await offered(other), /^Before it opens, .* can say no\. Heart &lt;diary&gt; Sleep diary Back to/)
  const opened = await other.send(page, { app: later.id }, `/patients/${bob}/app`)
  t.match(opened, { status: 303, location: /^https:\/\/app\.example\.org\/launch\?iss=.*&launch=/ })
  t.notMatch(String((await other.get(page)).headers['content-security-policy']), /form-action/)
  const spanish = await browserOf(bobs, { 'accept-language': 'es' })
  t.match(wordsOf(await spanish.get(page)), /Conectar una aplicación Antes de que se abra, .* decir que no\. Heart/)
  t.equal(await offered(await browserOf(study.researcher.person)), undefined, 'staff have no data of their own')
})

t.test('an app that registered itself is told apart from another of the same name', async t => {
  const { id } = await client({ name: 'Heart <diary>', selfRegistered: true })
  await allow(id, bobs)
  await allow(app.id, bobs)
  t.match(
    wordsOf(await (await browserOf(bobs)).get(page)),
    /Heart &lt;diary&gt; Read your name.* Heart &lt;diary&gt; Nobody here has looked at this app\. Read your name/,
  )
})
