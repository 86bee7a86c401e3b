import t from 'tap'
import { inviteFirstAdministrator } from '../../../src/accounts/sign-up/new-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const admin = { email: 'Root@Example.org', password: 'seven green umbrellas sing' }

t.test('the link of the first start makes the first administrator, once', async t => {
  const link = await inviteFirstAdministrator(database)
  const replaced = `/new-account?link=${link}`
  const url = `/new-account?link=${await inviteFirstAdministrator(database)}`
  t.match(await openBrowser(server).get(replaced), { status: 410 }, 'only the last one is valid')
  const browser = openBrowser(server)
  t.match(await browser.get(url), { status: 200, body: /Create your administrator account/ })
  t.match(await openBrowser(server).get(url), { status: 200 }, 'opening it uses nothing up')
  t.match(await browser.send(url, { name: 'Ruth <b>Root</b>', ...admin }), {
    status: 303,
    location: '/account?done=account',
  })
  const account = await browser.get('/account?done=account')
  t.match(account.body, /Ruth &lt;b&gt;Root&lt;\/b&gt;/)
  t.match(
    wordsOf(account),
    /ready, and you are signed in\. What comes next: add an organization , .*E-mail address root@example\.org/,
  )
  t.match(await openBrowser(server).get(url), { status: 410, body: /This link no longer works/ })
  t.equal(await inviteFirstAdministrator(database), undefined, 'no other one is made')
  t.match(
    wordsOf(await browser.get('/system/events?kind=accounts')),
    /Ruth &lt;b&gt;Root&lt;\/b&gt; An account was made that administers the installation/,
    'it is recorded',
  )
})

const signedIn = async (continued = '', remoteAddress = '127.0.0.1') => {
  const browser = openBrowser(server, { remoteAddress })
  const answer = await browser.send('/sign-in', { ...admin, ...(continued === '' ? {} : { continue: continued }) })
  return { browser, answer }
}

t.test('signing in leads back to where somebody was going', async t => {
  const { browser, answer } = await signedIn()
  t.has(answer, { status: 303, location: '/account' })
  t.match(await browser.get('/account'), { status: 200 })
  t.has(await browser.get('/sign-in'), { status: 303, location: '/account' }, 'they are not asked again')
  t.match(await browser.get('/sign-in?continue=/oauth/authorize%3Fa%3Db'), { location: '/oauth/authorize?a=b' })
  t.match(await browser.get('/sign-in?continue=/x&prompt=login'), { status: 200, body: /name="continue" value="\/x"/ })
  const stranger = openBrowser(server)
  t.match(await stranger.get('/account?x=1'), { status: 303, location: '/sign-in?continue=%2Faccount%3Fx%3D1' })
  t.match(await stranger.send('/sign-in?continue=%2Faccount%3Fx%3D1', admin, '/sign-in'), { location: '/account?x=1' })
})

t.test('it leads to no other site, however that is written', async t => {
  const elsewhere = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/.//evil.example',
    '/a/..//evil.example',
    '/%09/../..//evil.example',
    'javascript:alert(1)',
    ' /account',
    'evil.example',
    '',
    `/account?${'x'.repeat(2040)}`,
  ]
  const { browser } = await signedIn()
  for (const [index, target] of elsewhere.entries()) {
    const shown = JSON.stringify(target)
    const asked = `/sign-in?${new URLSearchParams({ continue: target })}`
    t.has(await browser.get(asked), { status: 303, location: '/account' }, shown)
    const { answer } = await signedIn(target, `10.0.0.${index}`)
    t.has(answer, { status: 303, location: '/account' }, shown)
  }
})

t.test('a wrong password and an unknown address are answered alike', async t => {
  const browser = openBrowser(server)
  const wrong = await browser.send('/sign-in', { ...admin, password: 'eight green umbrellas sing' })
  const unknown = await browser.send('/sign-in', { ...admin, email: 'nobody@example.org' })
  t.equal(wrong.status, 422)
  t.match(wordsOf(wrong), /This e-mail address and password do not belong together\./)
  t.match(wrong.body, /role="alert"/)
  t.match(wrong.body, /value="Root@Example.org"/, 'the address need not be typed again')
  t.notMatch(wrong.body, /umbrellas/)
  const alike = (text: string) => text.replace(/name="_csrf" value="[^"]*"/, '').replace(/value="[^"]*@[^"]*"/i, '')
  t.equal(alike(unknown.body), alike(wrong.body))
  t.same(Object.keys(unknown.headers), Object.keys(wrong.headers))
  t.equal(unknown.status, wrong.status)
})

t.test('what was not typed is asked for at its field', async t => {
  const browser = openBrowser(server)
  const empty = await browser.send('/sign-in?continue=%2Fsharing', { email: ' ', password: '' }, '/sign-in')
  t.match(
    [empty.status, empty.body],
    [422, /id="email-problem">Enter your e-mail address.*id="password-problem">Enter your password/s],
  )
  t.match(empty.body, /name="continue" value="\/sharing"/)
  const one = await browser.send('/sign-in', { ...admin, password: '' })
  t.match(one.body, /value="Root@Example.org".*id="password-problem">/s)
  t.notMatch(wordsOf(one), /do not belong together/)
})

t.test('after ten wrong passwords nobody signs in with the address for a while, known or unknown', async t => {
  await database.run(sql.fragment`DELETE FROM attempt`)
  for (const email of ['root@example.org', 'nobody.at.all@example.org']) {
    const tries = await Promise.all(
      Array.from({ length: 14 }, async (_, index) => {
        const browser = openBrowser(server, { remoteAddress: `10.1.0.${index}` })
        return (await browser.send('/sign-in', { email, password: `wrong number ${index}` })).status
      }),
    )
    t.same(tries.toSorted(), [...Array(10).fill(422), ...Array(4).fill(429)], `${email}, even at once`)
    const right = await openBrowser(server).send('/sign-in', { ...admin, email: email.toUpperCase() })
    t.equal(right.status, 429)
    t.match(wordsOf(right), /Please wait 15 minutes/)
  }
  const { dump } = await database.one<{ dump: string }>(
    sql.fragment`SELECT string_agg(attempt::text, '') AS dump FROM attempt`,
  )
  t.notMatch(dump, /example/, 'the table names nobody')
  await database.run(sql.fragment`UPDATE attempt SET expires_at = expires_at - interval '15 minutes'`)
  t.match(await openBrowser(server).send('/sign-in', admin), { status: 303 }, 'then they can again')
  await database.run(sql.fragment`DELETE FROM attempt`)
})

t.test('text that cannot be stored is refused, and is not a fault', async t => {
  const visitor = openBrowser(server)
  for (const email of ['ana\0@example.org', '\0'])
    t.match(await visitor.send('/sign-in', { email, password: '\0' }), { status: 422 })
  t.match(await visitor.get('/launch?iss=%00&launch=x'), { status: 400 })
})

t.test('a form that is not from our own page changes nothing', async t => {
  const { browser } = await signedIn()
  t.match(await browser.post('/sign-out', {}), { status: 403, body: /Please send that again/ })
  t.match(await browser.post('/sign-out', { _csrf: 'made-up' }), { status: 403 })
  const other = await openBrowser(server).get('/sign-in')
  const token = /name="_csrf" value="([^"]*)"/.exec(other.body)?.[1] ?? ''
  t.match(await browser.post('/sign-out', { _csrf: token }), { status: 403 }, 'nor with the token of another browser')
  t.match(await browser.get('/account'), { status: 200 })
  t.match(
    await server.inject({ method: 'POST', url: '/sign-in', headers: { 'content-type': 'text/plain' }, payload: 'a=b' }),
    { statusCode: 415 },
  )
})

t.test('signing out takes effect in the browser and on the server', async t => {
  const { browser } = await signedIn()
  const cookie = browser.cookies.get('sharewell-session') ?? ''
  t.match(await browser.send('/account', {}, '/sign-out'), { status: 303, location: '/sign-in?signed-out' })
  t.equal(browser.cookies.get('sharewell-session'), undefined)
  t.match(wordsOf(await browser.get('/sign-in?signed-out')), /You are signed out\./)
  browser.cookies.set('sharewell-session', cookie)
  t.match(await browser.get('/account'), { status: 303 })
})

t.test('signing in again starts a new session, and ends the one before', async t => {
  const { browser } = await signedIn()
  const before = browser.cookies.get('sharewell-session') ?? ''
  await browser.send('/sign-in?prompt=login', admin, '/sign-in')
  t.not(browser.cookies.get('sharewell-session'), before)
  const old = openBrowser(server)
  old.cookies.set('sharewell-session', before)
  t.match(await old.get('/account'), { status: 303 })
})

t.test('a session ends after two hours without use, and after twelve in any case', async t => {
  for (const past of [
    sql.fragment`seen_at = now() - interval '121 minutes'`,
    sql.fragment`expires_at = expires_at - interval '12 hours'`,
  ]) {
    const { browser } = await signedIn()
    t.match(await browser.get('/account'), { status: 200 })
    await database.run(sql.fragment`UPDATE user_session SET ${past}`)
    t.match(await browser.get('/account'), { status: 303 })
  }
})

t.test('cookies are hidden from scripts and other sites, and are not stored in the clear', async t => {
  const { browser, answer } = await signedIn()
  const [session, known] = [answer.headers['set-cookie']].flat()
  t.match(session, /^sharewell-session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/)
  t.match(known, /^sharewell-known=[\w-]{65}; Max-Age=15552000; Path=\/; HttpOnly; SameSite=Lax$/)
  const { dump } = await database.one<{ dump: string }>(sql.fragment`
    SELECT string_agg(user_session::text, '') || (SELECT string_agg(user_account::text, '') FROM user_account) AS dump FROM user_session`)
  t.notOk(dump.includes(browser.cookies.get('sharewell-session') ?? ''))
  t.notMatch(dump, /umbrellas/)
  t.match(dump, /\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})

t.test('behind https they are sent nowhere else', async t => {
  const { server: https } = await fhirWorld({ BASE_URL: 'https://share.example.org' })
  t.teardown(() => https.close())
  const { headers } = await openBrowser(https).get('/sign-in')
  t.match(headers['set-cookie'], /^__Host-sharewell-form=[\w-]+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  t.match(headers['strict-transport-security'], /^max-age=31536000$/)
})

t.test('pages load nothing from elsewhere, and stay in no cache or frame', async t => {
  const { browser } = await signedIn()
  const { headers } = await browser.get('/account')
  t.equal(
    headers['content-security-policy'],
    "default-src 'none';style-src 'self';script-src 'self';img-src 'self' data:;connect-src 'self';base-uri 'none';frame-ancestors 'none';form-action 'self'",
  )
  t.match(headers, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  })
  const style = await browser.get('/static/style.css')
  t.match(style, { status: 200, headers: { 'content-type': 'text/css; charset=utf-8' } })
  for (const icon of ['/static/icon.svg', '/favicon.ico'])
    t.match(await browser.get(icon), { status: 200, headers: { 'content-type': /^image\/svg\+xml/ }, body: /^<svg / })
  for (const sheet of ['bootstrap.min.css', 'bootstrap.rtl.min.css'])
    t.match(await browser.get(`/static/bootstrap/${sheet}`), { status: 200 })
  t.match(await browser.get('/static/bootstrap/bootstrap.css'), { status: 404 }, 'nothing but what pages ask for')
  t.match(await browser.get('/static/../sign-in.ts'), { status: 404 })
})

t.test('everybody of an institution can sign in from one place within an hour', async t => {
  const remoteAddress = '10.98.0.1'
  for (let count = 0; count < 61; count += 1)
    t.match(await openBrowser(server, { remoteAddress }).send('/sign-in', admin), { status: 303 })
})

t.test('from one place no more than 60 refused sign-ins a minute are answered', async t => {
  const browser = openBrowser(server, { remoteAddress: '2001:db8:1:2::3' })
  for (let count = 0; count < 60; count += 1) await browser.post('/sign-in', {})
  t.match(await browser.post('/sign-in', {}), { status: 429, body: /Too many requests/ })
  const neighbour = openBrowser(server, { remoteAddress: '2001:db8:1:2:ffff::1' })
  t.match(await neighbour.post('/sign-in', {}), { status: 429 }, 'an IPv6 network is one place')
  t.match(await openBrowser(server, { remoteAddress: '2001:db8:1:3::1' }).post('/sign-in', {}), { status: 403 })
})
