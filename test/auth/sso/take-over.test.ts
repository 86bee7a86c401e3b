import t from 'tap'
import { endSessions } from '../../../src/storage/account/session.ts'
import { findAccountOf, lockAccount } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, openBrowser, wordsOf } from '../../support/browser.ts'
import { openMailbox } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openInstitution } from './institution.ts'
import { password } from './people.ts'

const world = await openInstitution()
const { server, database, provider, newBrowser } = world
t.teardown(() => server.close())

t.test('an address alone opens no account: its holder signs in as before, and agrees', async t => {
  const ben = await world.holder('ben')
  const browser = newBrowser()
  const user = { sub: 'ben-1', email: 'BEN@riverside.example' }
  const first = await world.arrive(browser, user)
  t.match(wordsOf(first), /Sign in once more, here.*an account here with your e-mail address ben@riverside\.example/)
  t.equal(browser.cookies.get('sharewell-session'), undefined)
  t.match((await world.personOf(ben.person)).identifier, undefined)

  await browser.send(`/sign-in?prompt=login&continue=${first.at}`, { email: ben.email, password }, '/sign-in')
  t.match(
    wordsOf(await browser.get(first.at)),
    /as you did just now \(ben@riverside\.example\) is signed in here as ben/,
  )
  t.match((await world.personOf(ben.person)).identifier, undefined, 'opening the page links nothing')
  t.match(await browser.post(`${first.at}/link`, {}), { status: 403 }, 'nor does another site')
  t.match(await browser.send(first.at, {}, `${first.at}/link`), { status: 303, location: '/account?done=linked' })
  t.same((await world.personOf(ben.person)).identifier, [{ system: provider.issuer, value: 'ben-1' }])
  t.match(await findAccountOf(database, ben.person), { email: ben.email, isVerified: true })

  const later = newBrowser()
  await world.arrive(later, user)
  t.equal(await world.signedInAs(later), 'ben')
})

t.test('an abandoned arrival signs nobody in once another one has linked or made the account', async t => {
  const wanda = await world.holder('wanda')
  const other = newBrowser()
  const beside = await world.arrive(other, { sub: 'yusuf-1', email: 'yusuf@riverside.example' })
  for (const [user, settle] of [
    [{ sub: 'wanda-1', email: wanda.email }, (browser: Browser, at: string) => world.confirm(browser, wanda, at)],
    [
      { sub: 'xenia-1', email: 'xenia@riverside.example' },
      (browser: Browser, at: string) => browser.send(at, { name: 'Xenia' }, `${at}/account`),
    ],
  ] as const) {
    const browser = newBrowser()
    const left = await world.arrive(browser, user)
    const { at } = await world.arrive(browser, user)
    t.equal((await settle(browser, at)).status, 303)
    t.ok(await world.signedInAs(browser), user.sub)
    for (const one of [left.at, at]) {
      const later = await browser.get(one)
      t.match([later.status, wordsOf(later)], [410, /This sign-in is over/], user.sub)
    }
    await browser.send('/account', {}, '/sign-out')
    t.equal(await world.signedInAs(browser), undefined, 'the next person at the browser')
    await world.arrive(browser, user)
    t.ok(await world.signedInAs(browser), 'signing in at the institution again works')
  }
  t.match(await other.get(beside.at), { status: 200, body: /Create your account/ }, 'arrivals of others are not over')
})

t.test('signing out ends an arrival that nobody took up, so the next person makes no account with it', async t => {
  const zelda = await world.holder('zelda')
  const [browser, other] = [newBrowser(), newBrowser()]
  const user = { sub: 'zelda-1', email: 'z.other@riverside.example' }
  const [{ at }, beside] = [await world.arrive(browser, user), await world.arrive(other, user)]
  await browser.send('/sign-in', { email: zelda.email, password })
  t.match(await browser.get(at), { status: 200, body: /Create your account/ })
  await browser.send('/account', {}, '/sign-out')
  const later = await browser.get(at)
  t.match([later.status, wordsOf(later)], [410, /This sign-in is over/])
  t.match(await other.get(beside.at), { status: 200, body: /Create your account/ }, 'in another browser it continues')
  t.match(await world.arrive(browser, user), { status: 200, body: /Create your account/ }, 'and a new one begins here')
})

t.test('an address counts only if the provider has confirmed it, and it belongs to the institution', async t => {
  await world.holder('carla')
  const email = 'carla@riverside.example'
  const addresses: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['not confirmed', { email, email_verified: false }],
    ['of which nothing is said', { email, email_verified: undefined }],
    ['confirmed by a text', { email, email_verified: 'true' }],
    ['denied, though the domain is confirmed', { email, email_verified: false, xms_edov: true }],
    ['of another domain', { email: 'carla@elsewhere.example' }],
    ['of a domain that begins alike', { email: 'carla@riverside.example.evil.example' }],
    ['of a domain that ends alike', { email: 'carla@notriverside.example' }],
    ['of a domain below', { email: 'carla@lab.riverside.example' }],
    ['of two domains', { email: 'carla@elsewhere.example@riverside.example' }],
    ['in brackets', { email: '<carla@riverside.example>' }],
    ['with a line behind it', { email: 'carla@riverside.example\r\nbcc: all@elsewhere.example' }],
    ['that is a list', { email: [email] }],
    ['that is absent', {}],
  ]
  for (const [what, claims] of addresses)
    t.match(
      await world.arrive(newBrowser(), { sub: 'c-1', ...claims }),
      { status: 403, body: /We do not know whose account this is/ },
      what,
    )
  const asEntra = { email, email_verified: undefined, xms_edov: true }
  t.match(wordsOf(await world.arrive(newBrowser(), { sub: 'c-1', ...asEntra })), /Sign in once more, here/)
})

t.test('only the holder of the account links it, and only right after signing in', async t => {
  const [dora, emil] = [await world.holder('dora'), await world.holder('emil')]
  const user = { sub: 'dora-1', email: dora.email }
  const browser = newBrowser()
  const { at } = await world.arrive(browser, user)
  const asked = async () => wordsOf(await browser.get(at)).slice(0, 80)
  await browser.send(`/sign-in?prompt=login`, { email: emil.email, password }, '/sign-in')
  t.match(await asked(), /Sign in once more, here/, 'somebody else is signed in')
  await browser.send(`/sign-in?prompt=login`, { email: dora.email, password }, '/sign-in')
  t.match(await asked(), /Link your account/)
  const set = (change: ReturnType<typeof sql.fragment>) =>
    database.run(sql.fragment`UPDATE user_session SET ${change} WHERE person = ${dora.person}`)
  await set(sql.fragment`started_at = now() - interval '11 minutes'`)
  t.match(await asked(), /Sign in once more, here/, 'the browser was left open')
  await set(sql.fragment`started_at = now(), methods = '{}'`)
  t.match(await asked(), /Sign in once more, here/, 'an EHR has signed them in')
  const { body } = await browser.get('/account')
  const token = /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? ''
  await browser.post(`${at}/link`, { _csrf: token })
  t.match((await world.personOf(dora.person)).identifier, undefined, 'even if the form is sent nevertheless')
})

t.test('an address that was reassigned does not open the account of its former holder', async t => {
  const fay = await world.holder('fay')
  await world.link(newBrowser(), fay, { sub: 'fay-1', email: fay.email })
  const successor = newBrowser()
  const arrived = await world.arrive(successor, { sub: 'fay-2', email: fay.email })
  t.match(arrived, { status: 403, body: /This e\u2011mail address is somebody else’s here/ })
  await successor.send('/sign-in?prompt=login', { email: fay.email, password }, '/sign-in')
  t.match(await successor.get(arrived.at), { status: 403 }, 'nor with the password: one account is one person there')
  t.same((await world.personOf(fay.person)).identifier, [{ system: provider.issuer, value: 'fay-1' }])
})

t.test('if two identities link one account at once, one succeeds', async t => {
  const gil = await world.holder('gil')
  const asked = await Promise.all(
    ['gil-1', 'gil-2'].map(async sub => {
      const browser = newBrowser()
      const { at } = await world.arrive(browser, { sub, email: gil.email })
      await browser.send('/sign-in?prompt=login', { email: gil.email, password }, '/sign-in')
      const { body } = await browser.get(at)
      const _csrf =
        /action="[^"]*\/link"[^>]*>\s*<input type="hidden" name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? ''
      return () => browser.post(`${at}/link`, { _csrf })
    }),
  )
  const answers = await Promise.all(asked.map(link => link()))
  const [first, second = 0] = answers.map(({ status }) => status).sort()
  t.equal(first, 303)
  t.ok([403, 409].includes(second), 'the other comes too late, before or after it asks')
  t.equal((await world.personOf(gil.person)).identifier?.length, 1)
})

t.test('somebody who changes their address at the provider stays who they are, and becomes nobody else', async t => {
  const [hans, ida] = [await world.holder('hans'), await world.holder('ida')]
  await world.link(newBrowser(), hans, { sub: 'hans-1', email: hans.email })
  const browser = newBrowser()
  await world.arrive(browser, { sub: 'hans-1', email: ida.email })
  t.equal(await world.signedInAs(browser), 'hans')
  t.match(await findAccountOf(database, hans.person), { email: hans.email }, 'their address here is unchanged')
  t.match((await world.personOf(ida.person)).identifier, undefined)
})

t.test('a deleted person is not signed in any more, and the same name later is somebody new', async t => {
  const jan = await world.holder('jan')
  const user = { sub: 'jan-1', email: jan.email }
  const before = newBrowser()
  await world.link(before, jan, user)
  await world.fhir('DELETE', `Person/${jan.person}`)
  t.match(await before.get('/account'), { status: 303, location: '/sign-in?continue=%2Faccount' })
  const browser = newBrowser()
  const { at, body } = await world.arrive(browser, user)
  t.match(body, /Create your account/)
  await browser.send(at, { name: 'Jan the second' }, `${at}/account`)
  t.equal(await world.signedInAs(browser), 'Jan the second')
})

t.test('an inactive person is not signed in, and makes no second account', async t => {
  const kim = await world.holder('kim')
  await world.link(newBrowser(), kim, { sub: 'kim-1', email: kim.email })
  await world.fhir('PUT', `Person/${kim.person}`, { ...(await world.personOf(kim.person)), active: false })
  const browser = newBrowser()
  const answer = await world.arrive(browser, { sub: 'kim-1', email: 'kim.two@riverside.example' })
  t.match(answer, { status: 403, body: /Your account is closed/ })
  t.equal(browser.cookies.get('sharewell-session'), undefined)
})

t.test('the same name at another issuer, or at the EHR, is another identity', async t => {
  const lea = await world.holder('lea')
  const identifier = [
    { system: 'https://ehr.example.org/fhir', value: 'lea-1' },
    { system: `${provider.issuer}/`, value: 'lea-1' },
  ]
  await world.fhir('PUT', `Person/${lea.person}`, { ...(await world.personOf(lea.person)), identifier })
  const browser = newBrowser()
  t.match(await world.arrive(browser, { sub: 'lea-1', email: 'other@riverside.example' }), {
    body: /Create your account/,
  })
  t.match(await world.arrive(browser, { sub: 'LEA-1', email: 'other@riverside.example' }), {
    body: /Create your account/,
  })
})

t.test('names that differ only in case are two people, and so are those that differ in a space', async t => {
  const lou = await world.holder('lou')
  await world.link(newBrowser(), lou, { sub: 'Lou-1', email: lou.email })
  for (const sub of ['lou-1', 'LOU-1', ' Lou-1', 'Lou-1 ']) {
    const other = newBrowser()
    const shown = await world.arrive(other, { sub, email: 'lou.other@riverside.example' })
    t.match(shown, { status: 200, body: /Create your account/ }, sub)
    t.equal(await world.signedInAs(other), undefined)
  }
  const own = newBrowser()
  await world.arrive(own, { sub: 'Lou-1' })
  t.equal(await world.signedInAs(own), 'lou')
})

t.test('a name that contains search syntax is just that name', async t => {
  const mia = await world.holder('mia')
  await world.link(newBrowser(), mia, { sub: 'a,b|c$d\\e', email: mia.email })
  const browser = newBrowser()
  await world.arrive(browser, { sub: 'a,b|c$d\\e' })
  t.equal(await world.signedInAs(browser), 'mia')
  for (const sub of ['a', 'b|c$d\\e', 'a,b', '*', '|'])
    t.match(
      await world.arrive(newBrowser(), { sub, email: 'x@riverside.example' }),
      { body: /Create your account/ },
      sub,
    )
})

t.test('if two browsers make the account at once, one makes it', async t => {
  const user = { sub: 'nora-1', email: 'nora@riverside.example' }
  const asked = await Promise.all(
    [newBrowser(), newBrowser()].map(async browser => {
      const { at, body } = await world.arrive(browser, user)
      const _csrf = /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? ''
      return () => browser.post(`${at}/account`, { _csrf, name: 'Nora' })
    }),
  )
  const answers = await Promise.all(asked.map(make => make()))
  t.ok(answers.some(({ status }) => status === 303))
  const { total } = await world.fhir('GET', 'Person?name=Nora&_summary=count')
  t.equal(total, 1)
  const later = newBrowser()
  await world.arrive(later, user)
  t.equal(await world.signedInAs(later), 'Nora')
})

t.test('somebody with a password unlinks the institution, and all other browsers are signed out', async t => {
  const olga = await world.holder('olga')
  const user = { sub: 'olga-1', email: olga.email }
  const [browser, other] = [newBrowser(), newBrowser()]
  await world.link(browser, olga, user)
  await world.arrive(other, user)
  t.match(wordsOf(await browser.get('/account')), /See whether Riverside signs you in/)
  t.match(
    wordsOf(await browser.get('/account/institution')),
    /signs in at Riverside as olga-1 is signed in here as you/,
  )
  const inSpanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of browser.cookies) inSpanish.cookies.set(name, value)
  t.match(
    wordsOf(await inSpanish.get('/account/institution')),
    /Inicio de sesión en Riverside Quien inicia sesión en Riverside como olga-1 entra aquí como usted\./,
  )
  t.match(await browser.send('/account/institution', {}), {
    status: 303,
    location: '/account/institution?done=unlinked',
  })
  const done = await browser.get('/account/institution?done=unlinked')
  t.match(done.body, / autofocus><p>It is unlinked: nobody is signed in here by it as you any more\.<\/p>/)
  t.match(wordsOf(done), /is not linked to Riverside/)
  t.match(await other.get('/account'), { status: 303 })
  t.match((await world.personOf(olga.person)).identifier, undefined)
  t.match(wordsOf(await world.arrive(newBrowser(), user)), /Sign in once more, here/)
})

t.test('whoever is just being signed in by an institution that is being unlinked is not signed in', async t => {
  const otto = await world.holder('otto')
  const user = { sub: 'otto-1', email: otto.email }
  const [browser, other] = [newBrowser(), newBrowser()]
  await world.link(browser, otto, user)
  const { location: arrival = '' } = await other.get(await world.toCallback(other, user))
  const { unlinked, entered } = await database.transaction(async connection => {
    await lockAccount(connection, otto.person)
    const unlinked = browser.send('/account/institution', {})
    await someoneWaits(connection)
    const entered = other.get(arrival)
    await someoneWaits(connection, 2)
    return { unlinked, entered }
  })
  t.match(await unlinked, { status: 303, location: '/account/institution?done=unlinked' })
  t.match([(await entered).status, wordsOf(await entered)], [410, /This sign-in is over/])
  t.equal(await world.signedInAs(other), undefined)
})

t.test('whoever is signed out at the moment at which they link the institution has linked nothing', async t => {
  const petra = await world.holder('petra')
  const browser = newBrowser()
  const { at } = await world.arrive(browser, { sub: 'petra-1', email: petra.email })
  await browser.send(`/sign-in?prompt=login&continue=${at}`, { email: petra.email, password }, '/sign-in')
  const { linked } = await database.transaction(async connection => {
    await lockAccount(connection, petra.person)
    const linked = browser.send(at, {}, `${at}/link`)
    await someoneWaits(connection)
    await endSessions(connection, petra.person)
    return { linked }
  })
  t.match(await linked, { status: 303, location: at })
  t.match(wordsOf(await browser.get(at)), /Sign in once more, here/)
  t.match((await world.personOf(petra.person)).identifier, undefined)
})

t.test('an account is linked, or unlinked with all others signed out, completely or not at all', async t => {
  const removed = { change: sql.fragment`DELETE` }
  const pia = await world.holder('pia')
  const user = { sub: 'pia-1', email: pia.email }
  const [browser, other] = [newBrowser(), newBrowser()]
  await browser.send('/sign-in', { email: pia.email, password })
  const { at } = await world.arrive(browser, user)
  const link = () => browser.send(at, {}, `${at}/link`)
  t.match(await whileGoneAt(database, 'sso_arrival', link, removed), { status: 503 })
  t.match((await world.personOf(pia.person)).identifier, undefined)
  t.match(await link(), { status: 303, location: '/account?done=linked' })

  await world.arrive(other, user)
  const unlink = () => browser.send('/account/institution', {})
  t.match(await whileGoneAt(database, 'user_session', unlink, removed), { status: 503 })
  t.match((await world.personOf(pia.person)).identifier, [{ value: 'pia-1' }])
  t.match(await unlink(), { status: 303, location: '/account/institution?done=unlinked' })
  t.match(await other.get('/account'), { status: 303 })
})

t.test('somebody without a password cannot lock themselves out', async t => {
  const browser = newBrowser()
  const { at } = await world.arrive(browser, { sub: 'paul-1', email: 'paul@riverside.example' })
  await browser.send(at, { name: 'Paul' }, `${at}/account`)
  const page = await browser.get('/account/institution')
  t.match(wordsOf(page), /the only way into your account/)
  t.notMatch(page.body, /action="\/account\/institution"/)
  const _csrf = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  t.match(await browser.post('/account/institution', { _csrf }), { status: 303 })
  const later = newBrowser()
  await world.arrive(later, { sub: 'paul-1' })
  t.equal(await world.signedInAs(later), 'Paul')
})

t.test('the holder gets a letter when the account is linked, and when it is unlinked', async t => {
  const mailbox = await openMailbox()
  const written = await openInstitution({ SMTP_URL: mailbox.url })
  t.teardown(async () => {
    await written.server.close()
    await mailbox.close()
  })
  const quinn = await written.holder('quinn')
  const browser = written.newBrowser()
  await written.link(browser, quinn, { sub: 'quinn-1', email: quinn.email })
  t.match((await mailbox.next()).text, /linked to your account at Riverside: from now on that one signs you in, too/)
  await browser.send('/account/institution', {})
  t.match((await mailbox.next()).text, /no longer linked to your account at Riverside/)
})
