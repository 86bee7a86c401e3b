import t from 'tap'
import { giveAddress } from '../../../src/accounts/sign-up/email-change.ts'
import { inviteFirstAdministrator } from '../../../src/accounts/sign-up/new-account.ts'
import { openOwnStores } from '../../../src/cli/own-store.ts'
import { dropLinks } from '../../../src/storage/account/link.ts'
import { endSessions } from '../../../src/storage/account/session.ts'
import { addAccount, lockAccount, replaceAddress } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { codeOf } from '../../support/authenticator.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { linkIn, type ReceivedLetter } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openPeople, password } from '../people.ts'

const world = await openPeople()
const { server, database, mailbox, newAccount, signedIn, begin, protectedAccount, forgetCodes } = world
t.teardown(world.close)

const page = '/account/email'
const sent = { status: 303, location: '/account/email?sent' }
const changed = { status: 303, location: '/account?done=email' }
const confirm = { decision: 'confirm' }

/** The letters to the new and to the old address, in whichever order they arrive. */
const lettersTo = async (to: string, old: string) => {
  const letters = [await mailbox.next(), await mailbox.next()]
  const of = (address: string): ReceivedLetter => {
    const letter = letters.find(one => one.to === address)
    if (letter === undefined) throw new Error(`no letter to ${address}: ${JSON.stringify(letters)}`)
    return letter
  }
  return { toNew: of(to), toOld: of(old) }
}

const ask = async (browser: Browser, to: string, old: string) => {
  const answer = await browser.send(page, { email: to, password })
  return { answer, ...(await lettersTo(to, old)) }
}

t.test('a form that is sent empty says everything that is missing', async t => {
  const browser = await signedIn((await newAccount('empty')).email)
  const answer = await browser.send(page, { email: '', password: '' })
  t.equal(answer.status, 422)
  for (const field of ['email', 'password']) t.match(answer.body, `id="${field}-problem">`, field)
})

t.test('an address changes when both the old and the new address confirm it', async t => {
  const { email } = await newAccount('ana')
  const browser = await signedIn(email)
  const { answer, toNew, toOld } = await ask(browser, 'ana@home.example', email)
  t.match(answer, sent)
  t.match(wordsOf(await browser.get('/account/email?sent')), /Check your e-mail/)
  t.match(toOld, { subject: 'Do you want another e-mail address for Sharewell?', text: /with ana@home\.example/ })
  const [atNew, atOld] = [linkIn(toNew), linkIn(toOld)]
  t.match(wordsOf(await browser.get(atNew)), /Is ana@home\.example your e-mail address/)
  const waits = await browser.send(atNew, confirm)
  t.match(
    wordsOf(waits),
    /open the link that we have sent to your old address\. .* If you can no longer open it, ask the people who run this site to change your address\./,
  )
  t.match(wordsOf(await browser.get('/account')), /E-mail address ana@example\.org/, 'one end is not enough')
  const reader = openBrowser(server)
  t.match(wordsOf(await reader.get(atOld)), /wants to sign in to your account with ana@home\.example/)
  const done = await reader.send(atOld, confirm)
  t.equal(done.status, 200)
  t.match(wordsOf(done), /The e-mail address is changed From now on you sign in with ana@home\.example/, 'signed out')
  t.match(await mailbox.next(), { to: email, subject: /was changed/, text: /with ana@home\.example/ })
  t.match(wordsOf(await browser.get('/account?done=email')), /Your new e-mail address is saved.*ana@home\.example/)
  t.match((await begin(email)).answer, { status: 422 })
  t.match((await begin('ana@home.example')).answer, { status: 303 })
  for (const link of [atNew, atOld]) t.match(await browser.get(link), { status: 410 }, 'links work once')
})

t.test(
  'if the old address was never confirmed, or there is none, the page says that only one e-mail is sent',
  async t => {
    const { email, person } = await newAccount('una')
    const browser = await signedIn(email)
    const told = async () => wordsOf(await browser.get(page))
    t.match(
      await told(),
      /^.* Change your e-mail address We send an e-mail to the new address and one to the old address\..* Send the e-mails /,
    )
    await database.run(sql.fragment`UPDATE user_account SET verified_at = NULL WHERE person = ${person}`)
    const one = /We send an e-mail to the new address\. It counts when it is confirmed\. .* Send the e-mail Back/
    t.match(await told(), one)
    await database.run(
      sql.fragment`UPDATE user_account SET former_email = email, email = NULL WHERE person = ${person}`,
    )
    const shown = await browser.get(`${page}?continue=%2Faccount%2Fapps`)
    t.match(wordsOf(shown), /Give your e-mail address The e-mail address of your account was somebody else’s/)
    t.match(wordsOf(shown), one)
    t.match(shown.body, /<div class="alert alert-secondary"><p>The e-mail address/, 'it is not shown as an error')
    const wrong = await browser.send(`${page}?continue=%2Faccount%2Fapps`, { email: 'no address', password })
    t.match([wrong.status, wordsOf(wrong)], [422, one])
    t.match(wrong.body, '<a href="/account/apps">Go on without for now</a>', 'a mistake does not lose the way back')
  },
)

t.test('the two addresses can confirm in either order', async t => {
  const { email } = await newAccount('ben')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'ben@home.example', email)
  t.match(wordsOf(await openBrowser(server).send(linkIn(toOld), confirm)), /sent to ben@home\.example/)
  t.match(await browser.send(linkIn(toNew), confirm), changed)
  await mailbox.next()
})

t.test('knowing the password without reading the mail takes over nothing, and can be stopped', async t => {
  const { email } = await newAccount('cleo')
  const mallory = await signedIn(email)
  const { toNew, toOld } = await ask(mallory, 'mallory@evil.example', email)
  t.match(wordsOf(await mallory.send(linkIn(toNew), confirm)), /your old address/)
  t.match((await begin('mallory@evil.example')).answer, { status: 422 })
  await openBrowser(server).send('/forgotten-password', { email: 'mallory@evil.example' })
  const stopped = await openBrowser(server).send(linkIn(toOld), { decision: 'stop' })
  t.match(wordsOf(stopped), /It is stopped.*somebody knows your password\. Choose a new one now/)
  t.match(await mallory.get(linkIn(toNew)), { status: 410 })
  t.match(await openBrowser(server).get(linkIn(toOld)), { status: 410 })
  t.match((await begin(email)).answer, { status: 303 })
})

t.test('the new address can neither confirm for the old one nor stop the change', async t => {
  const { email } = await newAccount('dora')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'dora@home.example', email)
  for (let count = 0; count < 2; count += 1)
    t.match(wordsOf(await browser.send(linkIn(toNew), confirm)), /your old address/)
  t.match(await browser.send(linkIn(toNew), { decision: 'stop' }), { status: 410 })
  t.match(await browser.get(linkIn(toOld)), { status: 200 })
})

t.test('the reader of a mistyped address gains nothing from its link', async t => {
  const { email } = await newAccount('emil')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'emill@home.example', email)
  await openBrowser(server).send(linkIn(toOld), confirm)
  const stranger = openBrowser(server)
  t.match(wordsOf(await stranger.get(linkIn(toNew))), /Sign in to confirm it/)
  const other = await signedIn((await newAccount('stranger')).email)
  t.match(wordsOf(await other.get(linkIn(toNew))), /Sign in to confirm it/)
  const link = new URLSearchParams(linkIn(toNew).split('?')[1]).get('link') ?? ''
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await other.get('/account')).body)?.[1] ?? ''
  t.match(wordsOf(await other.post('/email-change', { link, _csrf, ...confirm })), /Sign in to confirm it/)
  t.match((await begin(email)).answer, { status: 303 })
  t.match(await browser.send(linkIn(toNew), confirm), changed, 'the owner of the account can')
  await mailbox.next()
})

t.test('somebody who is signed out when they confirm the new address is asked to sign in, and comes back', async t => {
  const { email } = await newAccount('ella')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'ella@home.example', email)
  await openBrowser(server).send(linkIn(toOld), confirm)
  const { body } = await browser.get(linkIn(toNew))
  const link = new URLSearchParams(linkIn(toNew).split('?')[1]).get('link') ?? ''
  const _csrf = /action="\/email-change"[\s\S]*?name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  await browser.send('/account', {}, '/sign-out')
  const late = await browser.post('/email-change', { _csrf, link, ...confirm })
  t.match(wordsOf(late), /Sign in to confirm it/)
  const back = `/sign-in?${new URLSearchParams({ continue: linkIn(toNew), prompt: 'login' })}`
  t.match(late.body, `href="${back.replaceAll('&', '&amp;')}"`)
  t.match(await browser.send(back, { email, password }, '/sign-in'), { status: 303, location: linkIn(toNew) })
  t.match(await browser.send(linkIn(toNew), confirm), changed)
  await mailbox.next()
})

t.test('whether somebody has the new address is told to nobody but them', async t => {
  const taken = await newAccount('taken')
  const { email } = await newAccount('finn')
  const free = await ask(await signedIn(email), 'finn@home.example', email)
  const again = await newAccount('gwen')
  const known = await (await signedIn(again.email)).send(page, { email: taken.email.toUpperCase(), password })
  const letters = await lettersTo(taken.email, again.email)
  const alike = ({ status, location, body, headers }: Shown) => ({
    status,
    location,
    body,
    names: Object.keys(headers),
  })
  t.same(alike(known), alike(free.answer))
  t.match(letters.toNew, { subject: 'You have a Sharewell account already' })
  t.notMatch(letters.toNew.text, /link=/)
  t.equal(
    letters.toOld.text.replace(taken.email, '').replace(/link=\S+/, ''),
    free.toOld.text.replace('finn@home.example', '').replace(/link=\S+/, ''),
  )
  t.match(wordsOf(await openBrowser(server).send(linkIn(letters.toOld), confirm)), /sent to taken@example\.org/)
  t.match((await begin(taken.email)).answer, { status: 303 })
})

t.test('an address that somebody else took meanwhile stays theirs', async t => {
  const { email } = await newAccount('hanna')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'hanna@home.example', email)
  await openBrowser(server).send(linkIn(toOld), confirm)
  await addAccount(database, {
    person: 'quick',
    email: 'hanna@home.example',
    password: 'x',
    isVerified: true,
    administrator: false,
  })
  t.match(await browser.send(linkIn(toNew), confirm), { status: 409, body: /is used already/ })
  t.match((await begin(email)).answer, { status: 303 })
})

t.test('a link for a new password that was sent to the old address ends with it', async t => {
  const { email } = await newAccount('iris')
  await openBrowser(server).send('/forgotten-password', { email })
  const reset = linkIn(await mailbox.next())
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'iris@home.example', email)
  await openBrowser(server).send(linkIn(toOld), confirm)
  await browser.send(linkIn(toNew), confirm)
  await mailbox.next()
  t.match(await openBrowser(server).get(reset), { status: 410 })
})

t.test('nor does one work that was just being written to the old address', async t => {
  const { person, email } = await newAccount('isla')
  const { asking } = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE account_link IN SHARE ROW EXCLUSIVE MODE`)
    const asking = openBrowser(server).send('/forgotten-password', { email })
    await someoneWaits(connection)
    await replaceAddress(connection, { person, email: 'isla@home.example', isVerified: true })
    await dropLinks(connection, person)
    return { asking }
  })
  await asking
  const reset = await mailbox.next()
  t.equal(reset.to, email)
  t.match(await openBrowser(server).get(linkIn(reset)), { status: 410 })
})

t.test('changing the address asks for the password, and for a code if there is a second factor', async t => {
  const { email, person, key, browser } = await protectedAccount('jana')
  const to = 'jana@home.example'
  t.match(await browser.send(page, { email: to, password: 'wrong', code: await codeOf(key) }), { status: 422 })
  t.match(await browser.send(page, { email: to, password }), {
    status: 422,
    body: /Enter a code of your authenticator app/,
  })
  t.match(await browser.send(page, { email: 'jana', password }), { status: 422, body: /like name@example\.org/ })
  const unseen = await browser.send(page, { email: 'jan\u3164a@example.org', password })
  t.match([unseen.status, wordsOf(unseen)], [422, /There are characters in the e-mail address that cannot be seen/])
  await forgetCodes(person)
  t.match(await browser.send(page, { email, password, code: await codeOf(key) }), {
    status: 422,
    body: /of your account already/,
  })
  await forgetCodes(person)
  t.match(await browser.send(page, { email: to, password, code: await codeOf(key) }), sent)
  const { toNew } = await lettersTo(to, email)
  t.match(
    wordsOf(await browser.send(linkIn(toNew), confirm)),
    /your old address/,
    'a second factor that is too new does not replace it',
  )
})

t.test('a code is used up only together with what it asks for: after a 503 it can be sent again', async t => {
  const { email, browser, recoveryCodes } = await protectedAccount('jette')
  const to = 'jette@home.example'
  const send = () => browser.send(page, { email: to, password, code: recoveryCodes[0] ?? '' })
  for (const table of ['email_change', 'account_link'])
    t.match(await whileGoneAt(database, table, send), { status: 503 })
  t.match(await send(), sent)
  t.match(await mailbox.next(), { to: email, subject: /recovery code .* was used/ })
  await lettersTo(to, email)
})

t.test('a second factor of a week replaces the old address, which is told and can stop the change', async t => {
  const { email, person, key, browser } = await protectedAccount('kim')
  await database.run(sql.fragment`UPDATE user_account SET authenticator_at = now() - interval '8 days'`)
  const askAgain = async () => {
    await forgetCodes(person)
    await browser.send(page, { email: 'kim@home.example', password, code: await codeOf(key) })
    return lettersTo('kim@home.example', email)
  }
  const first = await askAgain()
  t.match(first.toOld.text, /If it was not you, open this link and stop it/)
  t.notMatch((await openBrowser(server).get(linkIn(first.toOld))).body, /value="confirm"/)
  await openBrowser(server).send(linkIn(first.toOld), { decision: 'stop' })
  t.match(await browser.get(linkIn(first.toNew)), { status: 410 })
  const second = await askAgain()
  t.match(await browser.send(linkIn(second.toNew), confirm), changed)
  t.match(await mailbox.next(), { to: email, subject: /was changed/ })
})

t.test(
  'a stranger’s change ends when the owner chooses a forgotten password, or gets another address from the operator',
  async t => {
    const { email } = await newAccount('maud')
    const fresh = 'eleven silent bakeries float'
    const first = await ask(await signedIn(email), 'stranger@elsewhere.example', email)
    await openBrowser(server).send('/forgotten-password', { email })
    await openBrowser(server).send(linkIn(await mailbox.next()), { password: fresh })
    t.match(await mailbox.next(), { to: email, subject: 'Your Sharewell password was changed' })
    for (const letter of [first.toNew, first.toOld])
      t.match(await openBrowser(server).get(linkIn(letter)), { status: 410 })
    const stranger = openBrowser(server)
    await stranger.send('/sign-in', { email, password: fresh })
    t.match(await stranger.send(page, { email: 'another@elsewhere.example', password: fresh }), sent)
    const second = await lettersTo('another@elsewhere.example', email)
    await giveAddress({ database, openStoreAs: await openOwnStores(database) }, email, 'maud@home.example')
    for (const letter of [second.toNew, second.toOld])
      t.match(await openBrowser(server).get(linkIn(letter)), { status: 410 })
  },
)

t.test('a change ends after half an hour, with a later one, and with a new password', async t => {
  const { email } = await newAccount('lena')
  const browser = await signedIn(email)
  const first = await ask(browser, 'lena@home.example', email)
  await database.run(sql.fragment`UPDATE email_change SET expires_at = expires_at - interval '29 minutes 50 seconds'`)
  t.match(await browser.get(linkIn(first.toNew)), { status: 200 })
  await database.run(sql.fragment`UPDATE email_change SET expires_at = expires_at - interval '10 seconds'`)
  for (const letter of [first.toNew, first.toOld]) t.match(await browser.get(linkIn(letter)), { status: 410 })
  const second = await ask(browser, 'lena@home.example', email)
  const third = await ask(browser, 'lena@work.example', email)
  t.match(await browser.get(linkIn(second.toNew)), { status: 410 })
  t.match(await browser.get(linkIn(third.toNew)), { status: 200 })
  await browser.send('/account/password', { password, 'new-password': 'eleven silent bakeries float' })
  await mailbox.next()
  for (const letter of [third.toNew, third.toOld]) t.match(await browser.get(linkIn(letter)), { status: 410 })
})

t.test('if both ends confirm at once the change is made once', async t => {
  const { email } = await newAccount('mona')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'mona@home.example', email)
  const answers = await Promise.all([
    browser.send(linkIn(toNew), confirm),
    openBrowser(server).send(linkIn(toOld), confirm),
  ])
  const isChanged = ({ location, body }: Shown) =>
    location === changed.location || wordsOf({ body }).includes('The e-mail address is changed')
  t.equal(answers.filter(isChanged).length, 1)
  t.match(await mailbox.next(), { to: email, subject: /was changed/ })
  t.match((await begin('mona@home.example')).answer, { status: 303 })
})

t.test('whoever stops a change that is just being made is not told that it is stopped', async t => {
  const { person, email } = await newAccount('moira')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'moira@home.example', email)
  const reader = openBrowser(server)
  await reader.send(linkIn(toOld), confirm)
  const { deciding } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT FROM email_change WHERE person = ${person} FOR UPDATE`)
    const confirming = browser.send(linkIn(toNew), confirm)
    await someoneWaits(connection)
    const stopping = reader.send(linkIn(toOld), { decision: 'stop' })
    await someoneWaits(connection, 2)
    return { deciding: Promise.all([confirming, stopping]) }
  })
  const [confirmed, stopped] = await deciding
  t.match(confirmed, changed)
  t.equal(stopped.status, 410)
  t.match(await mailbox.next(), { to: email, subject: /was changed/ })
})

t.test('whoever asks for another address just as theirs changes is written to at the one they have then', async t => {
  const { person, email } = await newAccount('mika')
  const browser = await signedIn(email)
  const { asking } = await database.transaction(async connection => {
    await replaceAddress(connection, { person, email: 'mika@home.example', isVerified: true })
    const asking = ask(browser, 'mika@work.example', 'mika@home.example')
    await someoneWaits(connection)
    return { asking }
  })
  const { answer, toOld } = await asking
  t.match(answer, sent)
  t.match(toOld, { to: 'mika@home.example', text: /with mika@work\.example/ })
})

t.test('whoever is signed out at the moment of asking, as by a new password, has asked for nothing', async t => {
  const { person, email } = await newAccount('mio')
  const browser = await signedIn(email)
  const { asking } = await database.transaction(async connection => {
    await lockAccount(connection, person)
    const asking = browser.send(page, { email: 'mio@evil.example', password })
    await someoneWaits(connection)
    await endSessions(connection, person)
    return { asking }
  })
  t.match(await asking, { status: 422 })
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM email_change WHERE person = ${person}`), undefined)
})

t.test('an address can be changed four times an hour, and not by a form of another site', async t => {
  const { email } = await newAccount('nora')
  const browser = await signedIn(email)
  t.match(await browser.post(page, { email: 'nora@home.example', password, _csrf: 'x' }), { status: 403 })
  for (let count = 0; count < 4; count += 1) await ask(browser, `nora${count}@home.example`, email)
  t.match(await browser.send(page, { email: 'nora5@home.example', password }), { status: 429, body: /wait an hour/ })
})

t.test('a form of another site confirms and stops nothing', async t => {
  const { email } = await newAccount('paul')
  const browser = await signedIn(email)
  const { toNew, toOld } = await ask(browser, 'paul@home.example', email)
  for (const [letter, decision] of [
    [toNew, 'confirm'],
    [toOld, 'confirm'],
    [toOld, 'stop'],
  ] as const) {
    const link = new URLSearchParams(linkIn(letter).split('?')[1]).get('link') ?? ''
    t.match(await browser.post('/email-change', { link, decision, _csrf: 'x' }), { status: 403 }, decision)
  }
  t.match(wordsOf(await browser.send(linkIn(toNew), confirm)), /your old address/, 'nothing was confirmed')
})

t.test('nothing that is stored opens anything', async t => {
  const { email } = await newAccount('olga')
  const { toNew, toOld } = await ask(await signedIn(email), 'olga@home.example', email)
  const { dump } = await database.one<{ dump: string }>(
    sql.fragment`SELECT string_agg(email_change::text, '') AS dump FROM email_change`,
  )
  for (const letter of [toNew, toOld]) {
    const secret = new URLSearchParams(linkIn(letter).split('?')[1]).get('link') ?? ''
    t.match(secret, /^[\w-]{43}$/)
    t.notOk(dump.includes(secret))
  }
})

t.test('without a mail server the address cannot be changed', async t => {
  const { server, database } = await fhirWorld()
  t.teardown(() => server.close())
  const link = await inviteFirstAdministrator(database)
  const browser = openBrowser(server)
  await browser.send(`/new-account?link=${link}`, { name: 'Ruth', email: 'root@example.org', password })
  t.match(wordsOf(await browser.get(page)), /This site cannot send e-mail\. Ask the people who run it/)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get(page)).body)?.[1] ?? ''
  t.match(await browser.post(page, { email: 'ruth@home.example', password, _csrf }), { status: 403 })
})
