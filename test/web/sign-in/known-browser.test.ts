import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, openBrowser } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { isTo, linkIn, openMailbox } from '../../support/mailbox.ts'

const mailbox = await openMailbox()
const { server, database } = await fhirWorld({ SIGN_UP: 'open', SMTP_URL: mailbox.url })
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

const password = 'seven green umbrellas sing'
const cookie = 'sharewell-known'

let browsers = 0
/** Each from a place of its own, since tries from one place are limited as well. */
const newBrowser = (headers = {}) => {
  browsers += 1
  return openBrowser(server, { remoteAddress: `10.0.${Math.floor(browsers / 250)}.${browsers % 250}`, headers })
}
const signIn = (browser: Browser, email: string, typed = password) =>
  browser.send('/sign-in?prompt=login', { email, password: typed }, '/sign-in')

/** The browser in which they have made an account. */
const holder = async (email: string) => {
  await newBrowser().send('/sign-up', { email })
  const browser = newBrowser()
  await browser.send(linkIn(await mailbox.next(isTo(email))), { name: 'Somebody', password })
  return browser
}
const tryWrong = async (browserOf: () => Browser, email: string, tries = 10) => {
  const statuses: number[] = []
  for (let count = 0; count < tries; count += 1)
    statuses.push((await signIn(browserOf(), email, `wrong number ${count}`)).status)
  return statuses
}
const onlyKnown = (browser: Browser) => {
  const another = newBrowser()
  another.cookies.set(cookie, browser.cookies.get(cookie) ?? '')
  return another
}

t.test('strangers who try passwords keep nobody out of a browser in which they have signed in before', async t => {
  const browser = await holder('ana@example.org')
  await browser.send('/account', {}, '/sign-out')
  await tryWrong(newBrowser, 'ana@example.org')
  t.match(await signIn(newBrowser(), 'ana@example.org'), { status: 429 })
  t.match(await signIn(browser, 'Ana@Example.org '), { status: 303, location: '/account' })
  t.match(await signIn(newBrowser(), 'ana@example.org'), { status: 429 }, 'strangers get no more tries by that')
})

t.test('in such a browser there are ten tries, too, which are counted by themselves', async t => {
  const browser = await holder('ben@example.org')
  t.same(await tryWrong(() => onlyKnown(browser), 'ben@example.org', 12), [...Array(10).fill(422), 429, 429])
  t.match(await signIn(onlyKnown(browser), 'ben@example.org'), { status: 429 })
  const elsewhere = newBrowser()
  t.match(await signIn(elsewhere, 'ben@example.org'), { status: 303 }, 'nor do these keep them out elsewhere')
  t.match(await signIn(elsewhere, 'ben@example.org'), { status: 303 })
})

t.test('more are not tried at once than in a row', async t => {
  const browser = await holder('bea@example.org')
  const statuses = await Promise.all(
    Array.from({ length: 14 }, async (_, index) => {
      return (await signIn(onlyKnown(browser), 'bea@example.org', `wrong number ${index}`)).status
    }),
  )
  t.same(statuses.toSorted(), [...Array(10).fill(422), ...Array(4).fill(429)])
})

t.test('for any other address it is a browser like any other', async t => {
  const [chloe] = [await holder('chloe@example.org'), await holder('carl@example.org')]
  for (const email of ['carl@example.org', 'nobody@example.org']) {
    t.same(await tryWrong(() => onlyKnown(chloe), email, 11), [...Array(10).fill(422), 429], email)
    t.match(await signIn(newBrowser(), email), { status: 429 }, 'the tries are those of the address')
  }
})

t.test('what nobody has signed is no such cookie, and neither is one for another password', async t => {
  const browser = await holder('dan@example.org')
  const known = browser.cookies.get(cookie) ?? ''
  t.match(known, /^[\w-]{65}$/)
  await tryWrong(newBrowser, 'dan@example.org')
  const changed = `${known.slice(0, 30)}${known[30] === 'A' ? 'B' : 'A'}${known.slice(31)}`
  for (const forged of [
    '',
    '.',
    changed,
    known.slice(1),
    `${known}A`,
    'A'.repeat(65),
    Array(500).fill(changed).join('.'),
  ]) {
    const forger = newBrowser()
    forger.cookies.set(cookie, forged)
    t.match(await signIn(forger, 'dan@example.org'), { status: 429 }, forged.slice(0, 80))
  }
  t.match(await signIn(onlyKnown(browser), 'dan@example.org'), { status: 303 }, 'unlike the true one')
  const fresh = 'eleven silent bakeries float'
  await browser.send('/account/password', { password, 'new-password': fresh })
  t.match(await signIn(onlyKnown(browser), 'dan@example.org', fresh), { status: 303 }, 'where it was changed')
  const old = newBrowser()
  old.cookies.set(cookie, known)
  t.match(await signIn(old, 'dan@example.org', fresh), { status: 429 }, 'the one before the change')
})

t.test('a new password by a link lets in at the browser that chose it, whatever others go on trying', async t => {
  await holder('eva@example.org')
  await tryWrong(newBrowser, 'eva@example.org')
  for (let count = 0; count < 5; count += 1) await newBrowser().send('/sign-up', { email: 'eva@example.org' })
  for (let count = 0; count < 3; count += 1)
    t.match(await mailbox.next(isTo('eva@example.org')), { subject: 'You have a Sharewell account already' })
  await newBrowser().send('/forgotten-password', { email: 'eva@example.org' })
  const browser = newBrowser()
  const fresh = 'eleven silent bakeries float'
  t.match(await browser.send(linkIn(await mailbox.next(isTo('eva@example.org'))), { password: fresh }), { status: 303 })
  await tryWrong(newBrowser, 'eva@example.org')
  t.match(await signIn(newBrowser(), 'eva@example.org', fresh), { status: 429 })
  t.match(await signIn(browser, 'eva@example.org', fresh), { status: 303 })
})

t.test('what strangers try holds up nobody who is signed in', async t => {
  const browser = await holder('finn@example.org')
  await tryWrong(newBrowser, 'finn@example.org')
  const change = { password, 'new-password': 'eleven silent bakeries float' }
  t.match(await browser.send('/account/password', change), { status: 303 })
})

t.test('a browser that several people share knows each of them, and nobody else can tell whom', async t => {
  const shared = await holder('gwen@example.org')
  await holder('hal@example.org')
  await signIn(shared, 'hal@example.org')
  for (const email of ['gwen@example.org', 'hal@example.org']) {
    await tryWrong(newBrowser, email)
    t.match(await signIn(onlyKnown(shared), email), { status: 303 }, email)
  }
  const known = shared.cookies.get(cookie) ?? ''
  t.match(known, /^[\w-]{65}\.[\w-]{65}$/)
  const people = await database.any<{ person: string }>(sql.fragment`SELECT person FROM user_account`)
  for (const { person } of people) t.notOk(known.includes(person))
})

t.test(
  'only the right password makes a browser known, and the cookie is hidden from scripts and other sites',
  async t => {
    await holder('ines@example.org')
    const stranger = newBrowser()
    const refused = await signIn(stranger, 'ines@example.org', 'wrong number one')
    t.notMatch(String(refused.headers['set-cookie']), cookie)
    const answer = await signIn(stranger, 'ines@example.org')
    t.match(
      [answer.headers['set-cookie']].flat().find(one => String(one).startsWith(cookie)),
      /^sharewell-known=[\w-]{65}; Max-Age=15552000; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const only = onlyKnown(stranger)
    t.match(await only.get('/account'), { status: 303, location: '/sign-in?continue=%2Faccount' }, 'it opens nothing')
  },
)
