import t from 'tap'
import { invite } from '../../../src/accounts/sign-up/invite.ts'
import { endSessions } from '../../../src/storage/account/session.ts'
import { findAccountByEmail, setPassword } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { linkIn, openMailbox } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const mailbox = await openMailbox()
const { server, database } = await fhirWorld({ SIGN_UP: 'open', SMTP_URL: mailbox.url })
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

const first = 'seven green umbrellas sing'
const second = 'eleven silent bakeries float'
const ask = (email: string) => openBrowser(server).send('/forgotten-password', { email })
const signIn = async (email: string, password: string) => {
  const browser = openBrowser(server)
  return { browser, answer: await browser.send('/sign-in', { email, password }) }
}

/** Makes an account. */
const account = async (email: string) => {
  await openBrowser(server).send('/sign-up', { email })
  const browser = openBrowser(server)
  await browser.send(linkIn(await mailbox.next()), { name: 'Somebody', password: first })
  return browser
}
const linkFor = async (email: string) => {
  await ask(email)
  return linkIn(await mailbox.next())
}

t.test('whoever reads the mail of their address chooses a new password, and all browsers are signed out', async t => {
  const before = await account('ana@example.org')
  t.match(
    wordsOf(await openBrowser(server).get('/forgotten-password')),
    /If you can no longer open that mailbox, ask the people who run this site to give your account another address\./,
  )
  t.match(await ask('ANA@example.org'), { status: 303, location: '/forgotten-password?sent' })
  const letter = await mailbox.next()
  t.match(letter, { to: 'ana@example.org', subject: 'Choose a new Sharewell password', text: /within 30 minutes/ })
  const browser = openBrowser(server)
  const refused = await browser.send(linkIn(letter), { password: 'password1234' })
  t.match(refused, { status: 422, body: /easy to guess/ })
  t.match(refused.body, `data-page="${linkIn(letter)}"`, 'whoever goes back to it comes to the page of this link')
  t.match(refused.body, '<input type="email" autocomplete="username" value="ana@example.org" readonly hidden>')
  const saved = await browser.send(linkIn(letter), { password: second })
  t.match(saved, { status: 303, location: '/sign-in?new-password' })
  t.match(wordsOf(await browser.get('/sign-in?new-password')), /Your new password is saved\. Sign in with it\./)
  t.match(await mailbox.next(), { to: 'ana@example.org', subject: 'Your Sharewell password was changed' })
  t.match(await before.get('/account'), { status: 303 })
  t.match((await signIn('ana@example.org', first)).answer, { status: 422 })
  t.match((await signIn('ana@example.org', second)).answer, { status: 303 })
})

t.test('a link changes a password once, even if used many times at once', async t => {
  await account('ben@example.org')
  const url = await linkFor('ben@example.org')
  const answers = await Promise.all(
    Array.from({ length: 10 }, async (_, index) => {
      const browser = openBrowser(server)
      await browser.get('/sign-in')
      return browser.send(url, { password: `${second} ${index}` }).catch(() => ({ status: 410, location: undefined }))
    }),
  )
  t.equal(answers.filter(({ location }) => location === '/sign-in?new-password').length, 1)
  t.equal(answers.filter(({ status }) => status === 410).length, 9)
  t.match(await mailbox.next(), { subject: 'Your Sharewell password was changed' })
})

t.test('somebody who keeps asking for a new password gets four letters an hour, without being told', async t => {
  // The letter for making the account is counted apart.
  await account('kim@example.org')
  const answers = []
  for (let count = 0; count < 6; count += 1) answers.push(await ask('kim@example.org'))
  t.same(new Set(answers.map(({ status, location }) => `${status} ${location}`)).size, 1)
  for (let count = 0; count < 4; count += 1) t.equal((await mailbox.next()).to, 'kim@example.org')
  await account('lea@example.org')
  await ask('lea@example.org')
  t.equal((await mailbox.next()).to, 'lea@example.org', 'nothing else arrived in between')
})

t.test('once the password was changed no earlier link changes it again', async t => {
  await account('cleo@example.org')
  const [one, other] = [await linkFor('cleo@example.org'), await linkFor('cleo@example.org')]
  t.match(await openBrowser(server).send(one, { password: second }), { status: 303 })
  await mailbox.next()
  t.match(await openBrowser(server).get(other), { status: 410 })
})

t.test('signing in with the old password while a new one is saved fails', async t => {
  await account('jo@example.org')
  const { person = '' } = (await findAccountByEmail(database, 'jo@example.org')) ?? {}
  const signing = await database.transaction(async connection => {
    await setPassword(connection, person, 'another one', { proves: false })
    const answer = signIn('jo@example.org', first)
    await Promise.race([answer, someoneWaits(database)])
    await endSessions(connection, person)
    return { answer }
  })
  const { answer, browser } = await signing.answer
  t.match(answer, { status: 422 })
  t.match(await browser.get('/account'), { status: 303 })
})

t.test('a link changes its account’s password even if somebody else has signed in with the same browser', async t => {
  await account('una@example.org')
  const others = ['vic@example.org', 'will@example.org']
  for (const email of others) await account(email)
  const shared = openBrowser(server)
  const signInHere = (email = '') => shared.send('/sign-in?prompt=login', { email, password: first }, '/sign-in')
  await signInHere(others[0])
  const url = await linkFor('una@example.org')
  const { body } = await shared.get(url)
  const link = new URLSearchParams(url.split('?')[1]).get('link') ?? ''
  const _csrf = /action="\/new-password"[\s\S]*?name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  await signInHere(others[1])
  const saved = await shared.post('/new-password', { _csrf, link, password: second })
  t.match(saved, { status: 303, location: '/sign-in?new-password' })
  t.match(await mailbox.next(), { to: 'una@example.org', subject: 'Your Sharewell password was changed' })
  t.match((await signIn('una@example.org', second)).answer, { status: 303 })
  for (const email of others) t.match((await signIn(email, first)).answer, { status: 303 })
})

t.test('the sign-in form signs in whoever fills it in, even if somebody else did so in the browser since', async t => {
  const people = ['xia@example.org', 'yan@example.org', 'zoe@example.org']
  for (const email of people) await account(email)
  const shared = openBrowser(server)
  const signInHere = (email = '') => shared.send('/sign-in?prompt=login', { email, password: first }, '/sign-in')
  await signInHere(people[0])
  const { body } = await shared.get('/sign-in?prompt=login')
  const [, _csrf = ''] = /action="\/sign-in"[\s\S]*?name="_csrf" value="([^"]*)"/.exec(body) ?? []
  await signInHere(people[1])
  const answer = await shared.post('/sign-in', { _csrf, email: people[2] ?? '', password: first })
  t.has(answer, { status: 303, location: '/account' })
  t.match(wordsOf(await shared.get('/account')), /zoe@example\.org/)
})

t.test('a link expires after half an hour', async t => {
  await account('dora@example.org')
  const url = await linkFor('dora@example.org')
  await database.run(sql.fragment`UPDATE account_link SET expires_at = expires_at - interval '29 minutes 50 seconds'`)
  t.match(await openBrowser(server).get(url), { status: 200 })
  await database.run(sql.fragment`UPDATE account_link SET expires_at = expires_at - interval '10 seconds'`)
  const over = await openBrowser(server).get(url)
  t.match(
    [over.status, wordsOf(over)],
    [410, /This link no longer works .* ask for a new one\. Go to sign-in I do not know my password$/],
  )
  t.match(over.body, 'href="/forgotten-password"', 'that is where one asks for another one')
  t.match(
    wordsOf(await openBrowser(server).get('/new-password')),
    /Open the link in your message again .* Go to sign-in I do not know my password$/,
    'also without any',
  )
  const { browser } = await signIn('dora@example.org', first)
  for (const [path, language, way] of [
    [url, 'en', 'You are signed in already. If the account is somebody else’s, sign out first. Go to your account'],
    [
      '/new-password',
      'es',
      'Ya ha iniciado sesión. Si la cuenta es de otra persona, cierre antes la sesión. Ir a su cuenta',
    ],
  ] as const) {
    const other = openBrowser(server, { headers: { 'accept-language': language } })
    for (const [name, value] of browser.cookies) other.cookies.set(name, value)
    const signedIn = await other.get(path)
    t.match(signedIn.body, '<a href="/account">')
    t.match(wordsOf(signedIn), way)
    t.notMatch(signedIn.body, 'href="/sign-in"', 'whoever is signed in is not asked to do that')
  }
})

t.test('an unknown address is answered alike, and never written to', async t => {
  await account('emil@example.org')
  const [known, unknown] = [await ask('emil@example.org'), await ask('nobody@example.org')]
  t.same([known.status, known.location, known.body], [unknown.status, unknown.location, unknown.body])
  t.match(await mailbox.next(), { to: 'emil@example.org' })
  t.match(await linkFor('emil@example.org'), /^\/new-password/, 'nothing arrived in between')
})

t.test('a new password lets somebody in who was locked out by others’ tries', async t => {
  await account('finn@example.org')
  for (let count = 0; count < 11; count += 1) await signIn('finn@example.org', `wrong number ${count}`)
  t.match((await signIn('finn@example.org', first)).answer, { status: 429 })
  await openBrowser(server).send(await linkFor('finn@example.org'), { password: second })
  await mailbox.next()
  t.match((await signIn('finn@example.org', second)).answer, { status: 303 })
})

t.test('nothing that is stored of a link opens anything', async t => {
  await account('gwen@example.org')
  const secret = new URLSearchParams((await linkFor('gwen@example.org')).split('?')[1]).get('link') ?? ''
  const { dump } = await database.one<{ dump: string }>(
    sql.fragment`SELECT string_agg(account_link::text, '') AS dump FROM account_link`,
  )
  t.match(secret, /^[\w-]{43}$/)
  t.notOk(dump.includes(secret))
})

t.test('the operator lets somebody in again, which proves nothing about the address', async t => {
  const browser = await account('hanna@example.org')
  await database.run(sql.fragment`UPDATE user_account SET verified_at = NULL WHERE email = 'hanna@example.org'`)
  const address = () => 'http://localhost:8080'
  const { url, minutes } = await invite(
    { database, signUp: 'open', address },
    { email: 'hanna@example.org', administrator: false },
  )
  t.equal(minutes, 30)
  t.match(await openBrowser(server).send(url.slice(address().length), { password: second }), { status: 303 })
  await mailbox.next()
  t.match(await browser.get('/account'), { status: 303 })
  t.match((await signIn('hanna@example.org', second)).answer, { status: 303 })
  t.strictSame(
    await database.one(
      sql.fragment`SELECT administrator, verified_at FROM user_account WHERE email = 'hanna@example.org'`,
    ),
    { administrator: false, verified_at: null },
    'it makes nobody an administrator either',
  )
})

t.test('a Person’s telecom opens nothing, and an account ends with its Person', async t => {
  const browser = await account('iris@example.org')
  const { person } = await database.one<{ person: string }>(
    sql.fragment`SELECT person FROM user_account WHERE email = 'iris@example.org'`,
  )
  const everything = { authorization: 'Bearer everything' }
  const changed = {
    resourceType: 'Person',
    id: person,
    active: true,
    telecom: [{ system: 'email', value: 'mallory@example.org' }],
    identifier: [{ system: 'https://elsewhere.example', value: 'mallory' }],
  }
  const url = `/fhir/Person/${person}`
  t.equal((await server.inject({ method: 'PUT', url, headers: everything, payload: changed })).statusCode, 200)
  await ask('mallory@example.org')
  t.match(await linkFor('iris@example.org'), /^\/new-password/, 'nothing went to the telecom')
  t.match((await signIn('mallory@example.org', first)).answer, { status: 422 })
  t.equal((await server.inject({ method: 'DELETE', url, headers: everything })).statusCode, 204)
  t.match(await browser.get('/account'), { status: 303 })
  t.match((await signIn('iris@example.org', first)).answer, { status: 422 })
})
