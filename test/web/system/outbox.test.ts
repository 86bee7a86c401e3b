import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { openInvited } from '../invited.ts'
import { openTenants } from '../tenants.ts'

t.test('with nothing configured, letters of invitations are shown on a page of this machine', async t => {
  const world = await openInvited({ SMTP_URL: 'none' })
  t.teardown(world.close)
  const { server, database, enrolled, act, staff, page } = world
  t.match(
    wordsOf(await openBrowser(server, { headers: { host: 'localhost:8080' } }).get('/outbox')),
    /until the server stops\. .* There is nothing yet, or not since the server was started/,
  )
  const { subject } = await enrolled('Ana')
  await act(subject, 'invite')
  for (;;) {
    const { state } = await database.one<{ state: string }>(sql.fragment`SELECT state FROM study_message`)
    if (state === 'sent') break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const here = { host: 'localhost:8080' }
  const shown = await openBrowser(server, { headers: here }).get('/outbox')
  t.match(wordsOf(shown), /An invitation to a study To ana@example\.org/)
  const link = /href="http:\/\/localhost:8080(\/invitation\?link=[^"]*)"/.exec(shown.body)?.[1] ?? ''
  t.equal((await openBrowser(server).get(link)).status, 200)
  const told = openBrowser(server, { headers: here })
  for (const [name, value] of staff.cookies) told.cookies.set(name, value)
  for (const path of [page, `${page}/invitations`, `${page}/people/${subject}`]) {
    const words = wordsOf(await told.get(path))
    t.match(words, /The e-mail went to the outbox: /, path)
    t.notMatch(words, 'e-mail was sent', path)
  }
  const note = /Nothing leaves this server, .* are in the outbox \./
  t.match(wordsOf(await openBrowser(server, { headers: here }).get('/sign-in')), note)
  t.match(
    (await openBrowser(server, { headers: { ...here, 'accept-language': 'es' } }).get('/sign-in')).body,
    'están en la <a href="/outbox">bandeja de salida</a>.',
  )
  const others = [
    openBrowser(server, { headers: { host: 'rebound.example' } }),
    openBrowser(server, { headers: { ...here, 'x-forwarded-for': '203.0.113.1' } }),
    openBrowser(server, { headers: { ...here, forwarded: 'for=203.0.113.1' } }),
    openBrowser(server, { headers: here, remoteAddress: '203.0.113.1' }),
  ]
  for (const other of others) {
    t.equal((await other.get('/outbox')).status, 404)
    t.notMatch((await other.get('/sign-in')).body, 'outbox')
  }
})

t.test('whoever invites a colleague is led to the letter', async t => {
  const { server, database, lab, people } = await openTenants({ SMTP_URL: 'none' }, { pauseMs: 60_000, retries: 0 })
  t.teardown(() => server.close())
  const page = `/organizations/${lab.organization}/people`
  const asked = { email: 'rosa@example.org', role: 'member' }
  const { location = '' } = await people.manager.send(`${page}/invite`, asked)
  for (;;) {
    const { letter } = await database.one<{ letter: string }>(sql.fragment`SELECT letter FROM staff_invitation`)
    if (letter === 'sent') break
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const here = openBrowser(server)
  for (const [name, value] of people.manager.cookies) here.cookies.set(name, value)
  const shown = await here.get(location)
  t.match(shown.body, 'open the link of the letter in the <a href="/outbox">outbox</a>')
  t.notMatch(wordsOf(shown), 'on its way')
  t.match(wordsOf(shown), /rosa@example\.org Member\. .* The e-mail went to the outbox\./)
})

t.test('no script of another site can read the outbox, or any other page', async t => {
  const world = await openInvited({ SMTP_URL: 'none' })
  t.teardown(world.close)
  const elsewhere = { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' }
  for (const path of ['/outbox', '/sign-in']) {
    const answer = await world.server.inject({ url: path, headers: { host: 'localhost:8080', ...elsewhere } })
    t.equal(answer.statusCode, 200)
    t.equal(answer.headers['access-control-allow-origin'], undefined, path)
  }
})

t.test('a server that is configured has no outbox', async t => {
  const configured = [
    { SMTP_URL: 'smtp://127.0.0.1:1' },
    { SMTP_URL: 'log' },
    { SMS_GATEWAY_URL: 'http://127.0.0.1:1' },
    { BASE_URL: 'https://share.example.org' },
    { TRUST_PROXY: 'loopback' },
    { HOST: '0.0.0.0' },
  ]
  for (const environment of configured) {
    const { server } = await fhirWorld(environment)
    const here = openBrowser(server, { headers: { host: 'localhost:8080' } })
    t.equal((await here.get('/outbox')).status, 404, JSON.stringify(environment))
    t.notMatch((await here.get('/sign-in')).body, 'outbox')
    await server.close()
  }
})
