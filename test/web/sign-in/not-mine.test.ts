import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { giveAddress } from '../../../src/accounts/sign-up/email-change.ts'
import { invite } from '../../../src/accounts/sign-up/invite.ts'
import { openOwnStores } from '../../../src/cli/own-store.ts'
import { makeLink } from '../../../src/storage/account/link.ts'
import { findAccountByEmail, findAccountOf } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { codeOf } from '../../support/authenticator.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { isTo, linkIn, notMineLinkIn } from '../../support/mailbox.ts'
import { openPeople, password } from '../people.ts'

const world = await openPeople()
const { database, mailbox, browser, create, send } = world
t.teardown(world.close)

const lab = await world.institution('lab')
const other = 'nine purple kettles whistle'
const address = () => 'http://localhost:8080'

/** Made with the operator's link: the address is the one that was typed. */
const makesAccount = async (name: string, email: string, of = password) => {
  const own = browser()
  const secret = await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: false }, 5)
  const { status } = await own.send(`/new-account?link=${secret}`, { name, email, password: of })
  if (status !== 303) throw new Error(`${email} was answered ${status}`)
  return { own, person: (await findAccountByEmail(database, email))?.person ?? '' }
}
/** Whoever reads the mail of an address makes an account with it. */
const makesOwn = async (name: string, email: string, of: string) => {
  const secret = await makeLink(database, { purpose: 'new-account', email, administrator: false, wasSent: true }, 5)
  return browser().send(`/new-account?link=${secret}`, { name, password: of })
}
/** The letter for confirming a mistyped address. */
const mistyped = async (name: string, email: string) => {
  const made = await makesAccount(name, email)
  const letter = await mailbox.next(isTo(email))
  return { ...made, letter, link: notMineLinkIn(letter) }
}
const signIn = async (email: string, of: string, own = browser()) => own.send('/sign-in', { email, password: of })
const linkTo = async (person: string, reference: string) => {
  const stored = JSON.parse((await send('everything', 'GET', `Person/${person}`)).body)
  await send('everything', 'PUT', `Person/${person}`, { ...stored, link: [{ target: { reference } }] })
}
const events = async (bearer: string): Promise<readonly AuditEvent[]> => {
  const { entry = [] } = (await send(bearer, 'GET', 'AuditEvent?_count=1000&_sort=-date')).json()
  return entry.map(({ resource }: { resource: AuditEvent }) => resource)
}
const takenOff = 'Your e-mail address was taken off a Sharewell account'

t.test('somebody who did not make the account with their address takes it off, without seeing the account', async t => {
  const { person, letter, link } = await mistyped('Theo Typo', 'thea@example.org')
  t.match(letter.text, /somebody has entered your address by mistake\. Open this link, and take it off their account/)
  const reader = browser()
  const shown = await reader.get(link)
  t.match([shown.status, wordsOf(shown)], [200, /There is a Sharewell account with thea@example\.org , and nobody/])
  t.notMatch(shown.body, /Theo|Typo/)
  t.match((await findAccountOf(database, person))?.email, 'thea@example.org', 'opening the page changes nothing')
  t.match(
    await reader.post('/not-my-account', { link: link.split('=')[1] ?? '' }),
    { status: 403 },
    'nor does a program',
  )
  const done = await reader.send(link, {})
  t.match([done.status, wordsOf(done)], [200, /free again thea@example\.org is no longer the address/])
  t.notMatch(done.body, /Theo|Typo|sign-up/)
  t.equal(reader.cookies.has('sharewell-session'), false)
  t.match(await mailbox.next(), { to: 'thea@example.org', subject: takenOff, text: /\/sign-in\n/ })
  t.match(
    [await reader.get(link), await reader.send('/sign-in', { email: 'thea@example.org', password: other })],
    [{ status: 410 }, { status: 422 }],
  )
  t.match(await reader.get(linkIn(letter)), { status: 410 }, 'nor does the other link work any more')
  t.match(await makesOwn('Thea True', 'thea@example.org', other), { status: 303 }, 'the address is free')
})

t.test('the account keeps everything, and is asked for another address at the next sign-in', async t => {
  const { own, person, link } = await mistyped('Ines Inés', 'ines@example.org')
  const { key } = await world.setUp(own)
  await world.forgetCodes(person)
  await browser().send(link, {})
  await mailbox.next(isTo('ines@example.org'))
  t.match(wordsOf(await own.get('/account')), /was somebody else’s, who has taken it off.* E-mail address none/)
  t.match(await own.send('/account', {}, '/sign-out'), { status: 303 })

  const again = browser()
  const email = 'Ines@Example.org'
  t.match(await again.send('/sign-in?continue=%2Faccount%2Fapps', { email, password }, '/sign-in'), {
    status: 303,
    location: `/second-factor?continue=${encodeURIComponent('/account/email?continue=%2Faccount%2Fapps')}`,
  })
  const second = `/second-factor?continue=${encodeURIComponent('/account/email?continue=%2Faccount%2Fapps')}`
  const entered = await again.send(second, { code: await codeOf(key) }, '/second-factor')
  t.match(entered, { status: 303, location: '/account/email?continue=%2Faccount%2Fapps' })
  const asked = await again.get(entered.location ?? '')
  t.match(wordsOf(asked), /Give your e-mail address The e-mail address of your account was somebody else’s/)
  t.match(asked.body, '<a href="/account/apps">Go on without for now</a>')
  t.equal(asked.headers['cross-origin-opener-policy'], undefined, 'nor is an app cut off that has opened the window')
  t.notMatch((await again.get('/account/email?continue=https%3A%2F%2Fevil.example')).body, 'evil')

  await world.forgetCodes(person)
  t.match(await again.send('/account/email', { email: 'ines.real@example.org', password, code: await codeOf(key) }), {
    status: 303,
    location: '/account/email?sent',
  })
  t.match(wordsOf(await again.get('/account/email?sent')), /Until then you sign in as before\./)
  const letter = await mailbox.next()
  t.match(letter, { to: 'ines.real@example.org', subject: 'Confirm your new e-mail address for Sharewell' })
  t.match(await again.send(linkIn(letter), { decision: 'confirm' }), { status: 303, location: '/account?done=email' })
  t.match(await findAccountOf(database, person), { email: 'ines.real@example.org', isVerified: true })
  t.notMatch(wordsOf(await again.get('/account')), /somebody else’s/)
  t.match(await signIn('ines@example.org', password), { status: 422 }, 'the former address signs in nobody any more')
  t.match(await signIn('ines.real@example.org', password), { status: 303, location: '/second-factor?' })
})

t.test('of two accounts that sign in with one address, neither password opens the other', async t => {
  const { person: former, link } = await mistyped('Vera Vague', 'vera@example.org')
  await browser().send(link, {})
  await mailbox.next(isTo('vera@example.org'))
  await makesOwn('Vera Virtue', 'vera@example.org', other)
  const holder = (await findAccountByEmail(database, 'vera@example.org'))?.person
  const names = async (of: string) => {
    const own = browser()
    const { location = '' } = await signIn('vera@example.org', of, own)
    return [location, /Vera \w+/.exec(wordsOf(await own.get('/account')))?.[0]]
  }
  t.strictSame(await names(other), ['/account', 'Vera Virtue'])
  t.strictSame(await names(password), ['/account/email', 'Vera Vague'])
  t.match(await signIn('vera@example.org', 'eight orange anchors drift'), { status: 422 })
  t.not(former, holder)
  // Signing in to one’s own account after every few tries gives no more tries for the other.
  for (const [own, of] of [
    [password, other],
    [other, password],
  ] as const) {
    await database.run(sql.fragment`DELETE FROM attempt`)
    for (let tries = 0; tries < 16; tries += 1)
      await signIn('vera@example.org', tries % 4 === 3 ? own : 'a password that is wrong')
    t.not((await signIn('vera@example.org', of)).status, 303, 'the other one is locked for a while')
    t.equal((await signIn('vera@example.org', own)).status, 303)
  }
})

t.test('a new password goes to whoever has the address now, and not to those who had it', async t => {
  await database.run(sql.fragment`DELETE FROM attempt`)
  const { own, link } = await mistyped('Fay Former', 'fay@example.org')
  await browser().send(link, {})
  await mailbox.next(isTo('fay@example.org'))
  await browser().send('/forgotten-password', { email: 'fay@example.org' })
  await own.send('/account/password', { password, 'new-password': `${password} still` })
  await makesOwn('Fay Free', 'fay@example.org', other)
  await browser().send('/forgotten-password', { email: 'fay@example.org' })
  const letter = await mailbox.next(isTo('fay@example.org'))
  t.match(letter, { subject: 'Choose a new Sharewell password' }, 'nothing was written to an address that nobody has')
  await browser().send(linkIn(letter), { password: `${other} too` })
  t.match(await mailbox.next(isTo('fay@example.org')), { subject: 'Your Sharewell password was changed' })
  t.has(await signIn('fay@example.org', `${other} too`), { status: 303, location: '/account' })
  t.has(await signIn('fay@example.org', `${password} still`), { status: 303, location: '/account/email' })
})

t.test('an address that somebody confirmed cannot be taken off, and a link expires after a day', async t => {
  const { own, person, letter, link } = await mistyped('Carl Certain', 'carl@example.org')
  await browser().send('/forgotten-password', { email: 'carl@example.org' })
  const later = notMineLinkIn(await mailbox.next(isTo('carl@example.org')))
  t.match(await browser().get(later), { status: 200 })
  t.match(await own.send(linkIn(letter), {}), { status: 303, location: '/account?done=verified' })
  for (const one of [link, later]) {
    t.match(await own.get(one), { status: 410, body: /I did not make the account: write to me again/ })
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await own.get('/account')).body)?.[1] ?? ''
    t.match(await own.post('/not-my-account', { _csrf, link: one.split('=')[1] ?? '' }), { status: 410 })
  }
  t.match(await findAccountOf(database, person), { email: 'carl@example.org', isVerified: true })

  const slow = await mistyped('Sid Slow', 'sid@example.org')
  await database.run(sql.fragment`UPDATE account_link SET expires_at = expires_at - interval '23 hours 59 minutes'`)
  t.match(await browser().get(slow.link), { status: 200 })
  await database.run(sql.fragment`UPDATE account_link SET expires_at = expires_at - interval '1 minute'`)
  t.match(await browser().get(slow.link), { status: 410 })
})

t.test(
  'if many press it at once the address is taken off once; a confirmation at that moment counts fully or not at all',
  async t => {
    const { own, person, letter, link } = await mistyped('Otto Once', 'otto@example.org')
    const answers = await Promise.all(
      [...Array.from({ length: 4 }, () => browser().send(link, {})), own.send(linkIn(letter), {})].map(one =>
        one.catch(() => ({ status: 410 })),
      ),
    )
    const { email, isVerified } = (await findAccountOf(database, person)) ?? {}
    t.ok(answers.filter(({ status }) => status === 200).length <= 2)
    t.ok(email === undefined ? !isVerified : isVerified, `${email} ${isVerified}`)
  },
)

t.test(
  'the operator’s earlier links for the account have ended, and another one gives it an address again',
  async t => {
    const { person, link } = await mistyped('Olga Operated', 'olga@example.org')
    const asked = { email: 'olga@example.org', administrator: false }
    const given = await invite({ database, signUp: 'invitation', address }, asked)
    await browser().send(link, {})
    t.match(await browser().get(given.url.slice(address().length)), { status: 410 })
    const another = { email: 'olga@home.example', person, administrator: false }
    const { url } = await invite({ database, signUp: 'invitation', address }, another)
    t.match(await browser().send(url.slice(address().length), { password: other }), { status: 303 })
    t.has(await signIn('olga@home.example', other), { status: 303, location: '/account' })
    t.match(await signIn('olga@example.org', other), { status: 422 })
    await t.rejects(invite({ database, signUp: 'invitation', address }, { ...another, email: 'olga@third.example' }), {
      message: `Person/${person} signs in with olga@home.example already`,
    })
  },
)

t.test(
  'somebody who mistypes an address after another signs in with it, and the one before asks the operator',
  async t => {
    const first = await mistyped('Ada First', 'ada@example.org')
    await browser().send(first.link, {})
    const secret = await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: false }, 5)
    await browser().send(`/new-account?link=${secret}`, {
      name: 'Ada Second',
      email: 'ada@example.org',
      password: other,
    })
    const letter = await mailbox.next(({ to, text }) => to === 'ada@example.org' && text.includes('/verification?'))
    await browser().send(notMineLinkIn(letter), {})
    t.has(await signIn('ada@example.org', other), { status: 303, location: '/account/email' })
    t.match(await signIn('ada@example.org', password), { status: 422 })
    const parts = { database, openStoreAs: await openOwnStores(database) }
    await giveAddress(parts, 'ada@example.org', 'ada.second@example.org')
    t.has(await signIn('ada.second@example.org', other), { status: 303, location: '/account' })
  },
)

t.test('it is recorded for the patient and for whoever oversees staff, as done by the reader of the mail', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Pell' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const patient = await mistyped('Pia Pell', 'pia@example.org')
  await linkTo(patient.person, `Patient/${id}`)
  const colleague = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Stone' }] })
  const roleOf = (practitioner: string, code: string) =>
    create('everything', {
      resourceType: 'PractitionerRole',
      practitioner: { reference: practitioner },
      organization: { reference: `Organization/${lab.organization}` },
      code: [{ coding: [{ system: organizationRole, code }] }],
    })
  await roleOf(`Practitioner/${colleague.id}`, 'member')
  const staff = await mistyped('Stan Stone', 'stan@example.org')
  await linkTo(staff.person, `Practitioner/${colleague.id}`)
  const overseer = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Ohm' }] })
  await roleOf(`Practitioner/${overseer.id}`, 'privacy-officer')
  const officer = await world.staffToken(await world.newAccount('ohm', [`Practitioner/${overseer.id}`]), 'user/*.rs')

  for (const { link } of [patient, staff]) t.match(await browser().send(link, {}), { status: 200 })
  const own = await world.patientToken(id, 'patient/AuditEvent.rs')
  const recorded = {
    action: 'U',
    outcomeDesc: 'The e-mail address was taken off the account: whoever reads its mail says that they did not make it',
    agent: [{ name: 'Whoever reads the mail of the address', requestor: true }],
  }
  t.match(
    (await events(own)).find(({ outcomeDesc }) => outcomeDesc?.startsWith('The e-mail')),
    {
      ...recorded,
      entity: [{ name: 'Pia Pell' }, { what: { reference: `Patient/${id}` } }],
    },
  )
  const [ofStaff, ...more] = (await events(officer)).filter(({ outcomeDesc }) => outcomeDesc?.startsWith('The e-mail'))
  t.match(ofStaff, { ...recorded, entity: [{ what: { reference: `Practitioner/${colleague.id}` } }] })
  t.same(more, [], 'not what happened to a patient')
  t.notMatch(JSON.stringify(ofStaff), /stan@example/)
  const shown = wordsOf(await patient.own.get('/account/disclosures'))
  t.match(shown, /Whoever reads the mail of the address .*The e-mail address was taken off/)
})

t.test('somebody who wants an address that another account mistyped is led to this page by the letter', async t => {
  await mistyped('Mia Mistake', 'wanted@example.org')
  const { email } = await world.newAccount('wanda')
  const wanda = await world.signedIn(email)
  await wanda.send('/account/email', { email: 'wanted@example.org', password })
  const letters = [await mailbox.next(isTo('wanted@example.org')), await mailbox.next(isTo(email))]
  t.match(letters[0], {
    subject: 'There is a Sharewell account with your e-mail address',
    text: /wants to sign in to another Sharewell account/,
  })
  t.match(await browser().send(notMineLinkIn(letters[0] as NonNullable<(typeof letters)[0]>), {}), { status: 200 })
  await mailbox.next(isTo('wanted@example.org'))
  await wanda.send('/account/email', { email: 'wanted@example.org', password })
  t.match(await mailbox.next(isTo('wanted@example.org')), {
    subject: 'Confirm your new e-mail address for Sharewell',
  })
})

t.test('without a mail server, somebody without an address is told whom to ask', async t => {
  const silent = await fhirWorld()
  t.teardown(() => silent.server.close())
  const own = openBrowser(silent.server)
  const made = { purpose: 'new-account', administrator: false, wasSent: false } as const
  const form = { name: 'Sam Silent', email: 'sam@example.org', password }
  await own.send(`/new-account?link=${await makeLink(silent.database, made, 5)}`, form)
  const { person = '', email = '' } = (await findAccountByEmail(silent.database, form.email)) ?? {}
  const link = await makeLink(silent.database, { purpose: 'not-mine', person, email }, 5)
  t.match(await openBrowser(silent.server).send(`/not-my-account?link=${link}`, {}), { status: 200 })
  const again = openBrowser(silent.server)
  t.has(await again.send('/sign-in', { email, password }), { status: 303, location: '/account' })
  t.match(wordsOf(await again.get('/account')), /who has taken it off.* This site cannot send e-mail\. Ask the people/)
})

t.test('the link to an account with an address stays valid while somebody else mistypes theirs as that', async t => {
  const { url } = await invite(
    { database, signUp: 'invitation', address },
    { email: 'ben@example.org', administrator: false },
  )
  const { link } = await mistyped('Bea Blunder', 'ben@example.org')
  const own = url.slice(address().length)
  const refused = await browser().send(own, { name: 'Ben Bright', password: other })
  t.match([refused.status, wordsOf(refused)], [422, /There is an account with this e-mail address already/])
  t.match(refused.body, '<a href="/forgotten-password">I did not make it, or have forgotten its password</a>')
  await browser().send(link, {})
  t.match(await browser().send(own, { name: 'Ben Bright', password: other }), { status: 303 })
})
