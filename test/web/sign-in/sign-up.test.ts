import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { invite } from '../../../src/accounts/sign-up/invite.ts'
import { inviteFirstAdministrator } from '../../../src/accounts/sign-up/new-account.ts'
import { type Link, makeLink } from '../../../src/storage/account/link.ts'
import { addAccount, findAccountByEmail } from '../../../src/storage/account/user-account.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { linkIn, notMineLinkIn, openMailbox } from '../../support/mailbox.ts'
import { whileGoneAt } from '../../support/while-gone.ts'

const mailbox = await openMailbox()
const { server, database, token } = await fhirWorld({ SIGN_UP: 'open', SMTP_URL: mailbox.url })
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

const password = 'seven green umbrellas sing'
const signUp = (email: string) => openBrowser(server).send('/sign-up', { email })
const inSpanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
const signIn = (email: string, of = password) => openBrowser(server).send('/sign-in', { email, password: of })
const people = async () =>
  (await database.one<{ count: number }>(sql.fragment`SELECT count(*)::integer AS count FROM person`)).count

t.test('the letter is in the language of the browser', async t => {
  await inSpanish.send('/sign-up', { email: 'nueva@example.org' })
  t.match(await mailbox.next(), {
    subject: 'Cree su cuenta de Sharewell',
    text: /^Hola:\n\nAlguien, creemos que usted, .*\/new-account\?link=/s,
  })
})

t.test('whoever reads the mail of an address can make an account with it', async t => {
  t.match(await signUp('Ana@Example.org '), { status: 303, location: '/sign-up?sent' })
  t.match(wordsOf(await openBrowser(server).get('/sign-up?sent')), /Check your e-mail/)
  const letter = await mailbox.next()
  t.match(letter, {
    to: 'ana@example.org',
    from: 'sharewell@localhost',
    subject: 'Create your Sharewell account',
    text: /It works once, within 24 hours\. If it was not you, do nothing/,
  })
  const url = linkIn(letter)
  const shown = await openBrowser(server).get(url)
  t.match(wordsOf(shown), /You will sign in with ana@example\.org/)
  t.match(shown.body, '<input type="email" autocomplete="username" value="ana@example.org" readonly hidden>')
  const browser = openBrowser(server)
  const asked = { name: 'Ana Castillo', email: 'somebody.else@example.org', password }
  t.match(await browser.send(url, asked), { status: 303, location: '/account?done=account' })
  t.match(
    wordsOf(await browser.get('/account')),
    /Nothing is here for you yet\. .* Name Ana Castillo E-mail address ana@example\.org Change your name/,
  )
  t.match(await signIn('ana@example.org'), { status: 303 })
  t.match(await openBrowser(server).get(url), { status: 410 }, 'the link is used up')
})

t.test('each account has a Person, which is private', async t => {
  const { person } = await database.one<{ person: string }>(
    sql.fragment`SELECT person FROM user_account WHERE email = 'ana@example.org'`,
  )
  const read = async (bearer: string) =>
    server.inject({ url: `/fhir/Person/${person}`, headers: { authorization: `Bearer ${bearer}` } })
  const own = await read(await token({ subject: { kind: 'user', person }, scope: 'openid fhirUser' }))
  t.has(own.json(), { resourceType: 'Person', active: true, name: [{ text: 'Ana Castillo' }] })
  t.equal((await read(await token({ subject: { kind: 'user', person: 'other' }, scope: 'user/*.rs' }))).statusCode, 404)
})

t.test('mistakes are shown beside each field, all at once', async t => {
  t.match(wordsOf(await signUp('ana@')), /Enter an e-mail address like name@example\.org/)
  await signUp('wrong@example.org')
  const url = linkIn(await mailbox.next())
  const refused = await openBrowser(server).send(url, { name: ' ', email: '', password: 'short' })
  t.equal(refused.status, 422)
  t.match(refused.body, `data-page="${url}"`, 'whoever goes back to it comes to the page of this link')
  t.match(refused.body, /<title>Problem: Create your account – Sharewell<\/title>/)
  t.match(
    refused.body,
    /<li><a href="#name">Enter your name<\/a><\/li><li><a href="#password">Choose a password of at least 12/,
  )
  t.match(
    refused.body,
    /<p class="[^"]*" id="name-problem">Enter your name<\/p>\n<input class="form-control is-invalid" id="name"[^>]*aria-describedby="name-problem" aria-invalid="true">/,
  )
  const easy = await openBrowser(server).send(url, { name: 'Wrong', password: 'password1234' })
  t.match(wordsOf(easy), /Choose another password: this one is easy to guess/)
  t.notMatch(easy.body, /password1234/)
  t.match(await openBrowser(server).send(url, { name: 'Wrong', password }), { status: 303 }, 'the link still works')
})

t.test('a second sign-up makes no second account, and only the letter says so', async t => {
  const before = await people()
  const [known, unknown] = [await signUp('ana@example.org'), await signUp('new@example.org')]
  t.same([known.status, known.location, known.body], [unknown.status, unknown.location, unknown.body])
  const letters = [await mailbox.next(), await mailbox.next()]
  const [told, invited] = letters.toSorted((one, other) => one.to.localeCompare(other.to))
  t.match(told, { to: 'ana@example.org', subject: 'You have a Sharewell account already' })
  t.notMatch(told?.text, /link=/)
  t.match(invited, { to: 'new@example.org', subject: 'Create your Sharewell account' })
  t.equal(await people(), before)
})

t.test('two links for one address make one account, even at once', async t => {
  await signUp('twice@example.org')
  await signUp('twice@example.org')
  const links = [linkIn(await mailbox.next()), linkIn(await mailbox.next())]
  const before = await people()
  const answers = await Promise.all(
    [...links, ...links].map((url, index) =>
      openBrowser(server)
        .send(url, { name: `Twice ${index}`, password: `${password} ${index}` })
        .catch(() => ({ status: 410 })),
    ),
  )
  t.equal(answers.filter(({ status }) => status === 303).length, 1)
  t.equal(await people(), before + 1)
  for (const url of links) t.match(await openBrowser(server).get(url), { status: 410 }, 'no link is left')
})

t.test('if the address is taken while the account is being made nothing is made, and the link stays valid', async t => {
  const secret = await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: true }, 5)
  const url = `/new-account?link=${secret}`
  const form = { name: 'Rita Race', email: 'race@example.org', password }
  const before = await people()
  const refused = await database.transaction(async connection => {
    await addAccount(connection, {
      person: 'somebody-else',
      email: form.email,
      isVerified: false,
      administrator: false,
    })
    const sent = openBrowser(server).send(url, form)
    // The form waits for the address’s new owner, and may not have seen them before.
    while (!(await isWaitedFor(connection))) await setTimeout(20)
    return { sent }
  })
  const shown = await refused.sent
  t.match([shown.status, wordsOf(shown)], [422, /There is an account with this e-mail address already/])
  t.equal(await people(), before, 'nor is a Person left')
  t.match(await openBrowser(server).send(url, { ...form, email: 'race2@example.org' }), { status: 303 })
  t.equal(await people(), before + 1)
})

const isWaitedFor = async (connection: Connection) =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`)) !== undefined

t.test(
  'if nobody can be signed in while the account is being made nothing is made, and the link stays valid',
  async t => {
    await signUp('away@example.org')
    const url = linkIn(await mailbox.next())
    const browser = openBrowser(server)
    const make = () => browser.send(url, { name: 'Ada Away', password })
    const before = await people()
    t.match(await whileGoneAt(database, 'user_session', make), { status: 503 })
    t.equal(await people(), before)
    t.match(await make(), { status: 303, location: '/account?done=account' })
  },
)

t.test('an account ends every other link for making one with its address, and none for other addresses', async t => {
  const address = () => 'http://localhost:8080'
  const ofOperator = async (email: string) => {
    const { url } = await invite({ database, signUp: 'open', address }, { email, administrator: true })
    return url.slice(address().length)
  }
  const [own, others] = [await ofOperator('thrice@example.org'), await ofOperator('another@example.org')]
  await signUp('Thrice@example.org')
  await signUp('thrice@example.org')
  const [used, left] = [linkIn(await mailbox.next()), linkIn(await mailbox.next())]
  t.match(await openBrowser(server).send(used, { name: 'Thrice', password }), { status: 303 })
  for (const url of [used, left, own]) t.match(await openBrowser(server).get(url), { status: 410 })
  t.match(await openBrowser(server).get(others), { status: 200 })
})

t.test('an address is written to at most four times an hour, and the page does not say so', async t => {
  const answers = []
  for (let count = 0; count < 6; count += 1) answers.push(await signUp('flooded@example.org'))
  t.same(new Set(answers.map(({ status, location }) => `${status} ${location}`)).size, 1)
  for (let count = 0; count < 4; count += 1) t.equal((await mailbox.next()).to, 'flooded@example.org')
  await signUp('after@example.org')
  t.equal((await mailbox.next()).to, 'after@example.org', 'nothing else arrived in between')
})

t.test('somebody who keeps asking for the letter that confirms their address gets four an hour', async t => {
  const browser = openBrowser(server)
  const secret = await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: false }, 5)
  await browser.send(`/new-account?link=${secret}`, { name: 'Ivo Impatient', email: 'ivo@example.org', password })
  for (let count = 0; count < 5; count += 1)
    t.match(await browser.send('/account', {}, '/account/verification'), { status: 200 })
  for (let count = 0; count < 4; count += 1) t.equal((await mailbox.next()).to, 'ivo@example.org')
  await signUp('afterwards@example.org')
  t.equal((await mailbox.next()).to, 'afterwards@example.org', 'nothing else arrived in between')
})

t.test('the first administrator’s address counts as theirs once they have confirmed it', async t => {
  const browser = openBrowser(server)
  const url = `/new-account?link=${await inviteFirstAdministrator(database)}`
  await browser.send(url, { name: 'Ruth Root', email: 'root@example.org', password })
  const letter = await mailbox.next()
  t.match(letter, { to: 'root@example.org', subject: 'Confirm your e-mail address for Sharewell' })
  t.match(wordsOf(await browser.get('/account')), /Confirm your e-mail address .* Send me an e-mail/)
  await openBrowser(server).send('/forgotten-password', { email: 'root@example.org' })
  const unconfirmed = 'There is a Sharewell account with your e-mail address'
  t.match(await mailbox.next(), { to: 'root@example.org', subject: unconfirmed })
  t.match(await browser.send('/account', {}, '/account/verification'), { status: 200 })
  const again = await mailbox.next()
  t.match(again, { subject: 'Confirm your e-mail address for Sharewell' }, 'no new password is sent before that')
  t.match(await browser.send(linkIn(letter), {}), { status: 303, location: '/account?done=verified' })
  t.notMatch(wordsOf(await browser.get('/account')), /Confirm/)
  t.match(await openBrowser(server).get(linkIn(letter)), { status: 410 })
  await openBrowser(server).send('/forgotten-password', { email: 'root@example.org' })
  t.match(await mailbox.next(), { to: 'root@example.org', subject: 'Choose a new Sharewell password' })
})

t.test(
  'the reader of an address that was mistyped for an account confirms nothing, and gets nothing of it',
  async t => {
    const [own, stranger] = [openBrowser(server), openBrowser(server)]
    const url = `/new-account?link=${await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: false }, 5)}`
    await own.send(url, { name: 'Theo Typo', email: 'thoe@example.org', password })
    const link = linkIn(await mailbox.next())
    const shown = await stranger.get(link)
    t.match([shown.status, wordsOf(shown)], [200, /Sign in to confirm it .* If you asked for nothing, do nothing/])
    t.notMatch(shown.body, /name="link"/)
    const { body } = await stranger.get('/sign-in')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    const secret = new URL(link, 'http://localhost').searchParams.get('link') ?? ''
    t.match(await stranger.post('/verification', { _csrf, link: secret }), {
      status: 200,
      body: /Sign in to confirm it/,
    })
    await signUp('other@example.org')
    const other = openBrowser(server)
    await other.send(linkIn(await mailbox.next()), { name: 'Olga Other', password })
    t.match(await other.get(link), { status: 200, body: /Sign in to confirm it/ }, 'nor does another account')
    t.match(await stranger.send('/forgotten-password', { email: 'thoe@example.org' }), { status: 303 })
    const asked = await mailbox.next()
    t.match(await signUp('thoe@example.org'), { status: 303, location: '/sign-up?sent' })
    for (const told of [asked, await mailbox.next()]) {
      t.match(told, { to: 'thoe@example.org', subject: 'There is a Sharewell account with your e-mail address' })
      t.match(told.text, /nobody has confirmed.*ask whoever invited you, or the people who run this site/s)
      t.match(notMineLinkIn(told), /^\/not-my-account\?link=/)
      t.equal(told.text.match(/link=/g)?.length, 1, 'no new password is sent')
    }

    t.match(await own.send(link, {}), { status: 303, location: '/account?done=verified' })
    await stranger.send('/forgotten-password', { email: 'thoe@example.org' })
    t.match(await mailbox.next(), { to: 'thoe@example.org', subject: 'Choose a new Sharewell password' })
  },
)

t.test('a link opens the page for which it was made, and no other', async t => {
  const email = 'pages@example.org'
  await signUp(email)
  await openBrowser(server).send(linkIn(await mailbox.next()), { name: 'Pages', password })
  const { person = '' } = (await findAccountByEmail(database, email)) ?? {}
  const links: Readonly<Record<string, Link>> = {
    '/new-account': { purpose: 'new-account', email: 'free@example.org', administrator: false, wasSent: true },
    '/new-password': { purpose: 'new-password', person, email, wasSent: true },
    '/verification': { purpose: 'verification', person, email },
    '/not-my-account': { purpose: 'not-mine', person, email },
  }
  // One opens only while nobody has confirmed the address.
  await database.run(sql.fragment`UPDATE user_account SET verified_at = NULL WHERE person = ${person}`)
  const own = openBrowser(server)
  await own.send('/sign-in', { email, password })
  const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await own.get('/account')).body) ?? []
  const filled = { _csrf, name: 'Other', email: 'free@example.org', password: `${password} today` }
  const pages = [...Object.keys(links), '/email-change', '/join', '/invitation']
  for (const [page, made] of Object.entries(links)) {
    const link = await makeLink(database, made, 5)
    const opened = async (at: string) => (await own.get(`${at}?link=${link}`)).status
    for (const at of pages) t.equal(await opened(at), at === page ? 200 : 410, `${page} at ${at}`)
    for (const at of pages.filter(one => one !== page))
      t.equal((await own.post(at, { ...filled, link, decision: 'confirm' })).status, 410, `${page} sent to ${at}`)
    t.equal(await opened(page), 200, 'that does not use it up')
  }
  t.equal(await findAccountByEmail(database, 'free@example.org'), undefined)
})

t.test('the link of a letter is valid for a day, and that of the operator for a week', async t => {
  const address = () => 'http://localhost:8080'
  const pathOf = ({ url }: { readonly url: string }) => url.slice(address().length)
  const asked = { email: 'invited@example.org', administrator: false }
  const byOperator = pathOf(await invite({ database, signUp: 'open', address }, asked))
  await signUp('slow@example.org')
  const bySignUp = linkIn(await mailbox.next())
  const secret = await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: false }, 5)
  await openBrowser(server).send(`/new-account?link=${secret}`, { name: 'Vic', email: 'vic@example.org', password })
  const ofVerification = linkIn(await mailbox.next())
  const statusOf = async (path: string) => (await openBrowser(server).get(path)).status
  const older = (time: string) =>
    database.run(sql.fragment`UPDATE account_link SET expires_at = expires_at - ${time}::interval`)
  await older('23 hours 59 minutes 50 seconds')
  t.strictSame([await statusOf(bySignUp), await statusOf(ofVerification)], [200, 200])
  await older('10 seconds')
  t.strictSame([await statusOf(bySignUp), await statusOf(ofVerification)], [410, 410])
  await older('5 days 23 hours 59 minutes 50 seconds')
  t.equal(await statusOf(byOperator), 200)
  await older('10 seconds')
  t.equal(await statusOf(byOperator), 410)
})

t.test('whoever has just started the server is told where its link is, until somebody administers it', async t => {
  const { server, database } = await fhirWorld()
  t.teardown(() => server.close())
  const browser = openBrowser(server)
  const { body: first } = await browser.get('/sign-up')
  t.match(first, /Nobody administers this server yet.* open the link that it has written into its log/)
  const account = { person: 'root', email: 'root@example.org', isVerified: true, administrator: true, password: 'x' }
  await addAccount(database, account)
  const { body: later } = await browser.get('/sign-up')
  t.match(later, /To use this site you need an invitation/)
  t.notMatch(later, /Nobody administers/)
})

t.test('by invitation, only people with the operator’s link make an account; closed, nobody does', async t => {
  const inviting = await fhirWorld()
  const closed = await fhirWorld({ SIGN_UP: 'closed' })
  t.teardown(() => Promise.all([inviting.server.close(), closed.server.close()]))
  for (const world of [inviting, closed]) {
    const browser = openBrowser(world.server)
    t.match(await browser.get('/sign-up'), { status: 200, body: /By invitation only/ })
    const { body } = await browser.get('/sign-in')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.match(await browser.post('/sign-up', { _csrf, email: 'ana@example.org' }), { status: 403 })
  }
  const address = () => 'http://localhost:8080'
  const linkFor = async (world: typeof inviting) => {
    const asked = { email: 'ana@example.org', administrator: false }
    const { url } = await invite({ database: world.database, signUp: 'invitation', address }, asked)
    return url.slice(address().length)
  }
  const url = await linkFor(inviting)
  t.match(await openBrowser(inviting.server).send(url, { name: 'Ana', password }), { status: 303 })
  t.match(await openBrowser(closed.server).get(await linkFor(closed)), { status: 410 })
  const root = openBrowser(closed.server)
  const first = `/new-account?link=${await inviteFirstAdministrator(closed.database)}`
  t.match(await root.send(first, { name: 'Ruth Root', email: 'root@example.org', password }), { status: 303 })
  t.match(await root.get('/account'), { status: 200, body: /Ruth Root/ }, 'except the first administrator')
  await t.rejects(
    invite({ database: closed.database, signUp: 'closed', address }, { email: 'x@y.org', administrator: false }),
    {
      message: 'SIGN_UP is closed: nobody may make an account',
    },
  )
})
