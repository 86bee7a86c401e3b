import t, { type Test } from 'tap'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { digestOf } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { findInvitation } from '../../../src/storage/study/invitation.ts'
import { findCodeState, tryProof } from '../../../src/storage/study/invitation-code.ts'
import { hashOf, sendCode } from '../../../src/studies/invitation/invited-code.ts'
import { wordsOf } from '../../support/browser.ts'
import { openSmsGateway } from '../../support/sms-gateway.ts'
import { birthDate, openInvited, password } from '../invited.ts'

const gateway = await openSmsGateway()
const apps = [{ name: 'Health & Co', link: 'app://open?link={link}&code={secret}' }]
const world = await openInvited(
  { SMS_GATEWAY_URL: gateway.url, INVITATION_APPS: JSON.stringify(apps), INVITATION_DAYS: '30' },
  200,
)
const { act, browser, database, enrolled, lab, mailbox, page, send, staff, study, update } = world
t.teardown(async () => {
  await world.close()
  await gateway.close()
})
t.setTimeout(240_000)

const phone = (value: string) => ({ system: 'phone' as const, use: 'mobile' as const, value })
const daysOf = (subject: string) =>
  database.one<{ days: number }>(sql.fragment`
    SELECT extract(day FROM expires_at - made_at)::integer AS days FROM invitation WHERE subject = ${subject}`)
const email = (value: string) => ({ system: 'email' as const, value })
const linkOf = (text: string) => /http:\/\/localhost:8080(\/invitation\?link=\S+)/.exec(text)?.[1] ?? ''

t.test('nobody is written to at what is no number, and whoever invites is told why', async t => {
  for (const [name, value] of Object.entries({ Short: '+41 79 123 45 6', Local: '079 123 45 67' })) {
    const { subject } = await enrolled(name, { telecom: [phone(value)] })
    const refused = await act(subject, 'invite')
    t.match(
      [refused.status, wordsOf(refused)],
      [
        422,
        /lacks an e-mail address or a mobile number with its country code \(the one in it has none, or has too few or too many digits\): whoever has registered them completes it/,
      ],
      value,
    )
  }
  const { subject } = await enrolled('Slip', { telecom: [phone('+41 079 123 45 67')] })
  await act(subject, 'invite')
  t.equal((await gateway.nextMessage()).to, '+41791234567')
})

t.test(
  'somebody with only a mobile number joins with a text message, a code sent to it, and an e-mail address they choose',
  async t => {
    const { subject } = await enrolled('Mo', { telecom: [phone('+1 (500) 555-0006')] })
    await act(subject, 'invite')
    const { to, text } = await gateway.nextMessage()
    t.equal(to, '+15005550006')
    t.match(text, /^lab invites you to a study\./)
    t.strictSame(await daysOf(subject), { days: 30 }, 'as INVITATION_DAYS says')
    t.notMatch(text, /Hearts/)
    const link = linkOf(text)
    const own = browser()
    t.match(wordsOf(await own.get(link)), /six digits to the phone to which you were invited/)
    await own.send(link, {}, '/invitation/code')
    const sent = await gateway.nextMessage()
    t.equal(sent.to, '+15005550006')
    const code = /(\d{6})/.exec(sent.text)?.[1] ?? ''
    const proven = await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
    t.equal(proven.location, '/invitation/account')
    t.match(wordsOf(await own.get('/invitation/account')), /You will sign in with an e-mail address of yours/)
    const wrong = await own.send('/invitation/account', { name: 'Mo', email: 'mo', password })
    t.match([wrong.status, wordsOf(wrong)], [422, /Enter an e-mail address, such as ana@example\.org/])
    const made = await own.send('/invitation/account', { name: 'Mo', email: 'Mo@example.org', password })
    t.equal(made.location, `/sharing/${study.id}`)
    const account = await database.one(sql.fragment`
    SELECT verified_at FROM user_account WHERE email = 'mo@example.org'`)
    t.same(account, { verified_at: null }, 'that does not show that the address is theirs')
    t.match(await mailbox.next(), { to: 'mo@example.org', subject: /Confirm/ }, 'so it has to be confirmed')
  },
)

t.test('the name of an organization is put on one line, so that it cannot add lines to a message', async t => {
  const { subject } = await enrolled('Lu', { telecom: [phone('+15005550019')] })
  const named = (name: string) => update('everything', { resourceType: 'Organization', id: lab.organization, name })
  await named('lab\n\nPay\u202e now')
  await act(subject, 'invite')
  t.match((await gateway.nextMessage()).text, /^lab Pay now invites you to a study\./)
  await named(`${'x'.repeat(39)}💚💚`)
  await act(subject, 'invite')
  t.match((await gateway.nextMessage()).text, /^x{39}💚 invites/u, 'no sign is cut in two')
  await named('lab')
})

t.test('an address with an account is not given to somebody else, and cannot be asked about without end', async t => {
  await world.arrived('Held')
  const { subject } = await enrolled('Guess', { telecom: [phone('+15005550007')] })
  await act(subject, 'invite')
  const link = linkOf((await gateway.nextMessage()).text)
  const own = browser()
  await own.send(link, {}, '/invitation/code')
  const code = /(\d{6})/.exec((await gateway.nextMessage()).text)?.[1] ?? ''
  await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
  const answers = []
  for (let count = 0; count < 11; count += 1)
    answers.push(await own.send('/invitation/account', { name: 'G', email: 'held@example.org', password }))
  t.same(
    answers.map(({ status }) => status),
    [...Array(10).fill(422), 429],
  )
  t.match(answers.at(-1)?.body, /tried too often\. Please wait an hour.*value="G".*value="held@example\.org"/s)
})

t.test('if a code could not be sent the page does not say that it was, and the last one still counts', async t => {
  const { subject } = await enrolled('Waits', { telecom: [phone('+15005550013')] })
  await act(subject, 'invite')
  const link = linkOf((await gateway.nextMessage()).text)
  const own = browser()
  let code = ''
  for (let count = 0; count < 5; count += 1) {
    await own.send(link, {}, '/invitation/code')
    code = /(\d{6})/.exec((await gateway.nextMessage()).text)?.[1] ?? ''
  }
  const refused = await own.send(link, {}, '/invitation/code')
  t.match([refused.status, wordsOf(refused)], [429, /No code was sent.*Code from the text message/])
  t.notMatch(refused.body, /on its way/)
  const proven = await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
  t.has(proven, { status: 303, location: '/invitation/account' })
})

t.test(
  'a code that the gateway refuses is said not to be sent, counts for nothing, and leaves the one before',
  async t => {
    t.teardown(() => gateway.answerWith(201, '{}'))
    const { subject } = await enrolled('Refused', { telecom: [phone('+15005550021')] })
    await act(subject, 'invite')
    const link = linkOf((await gateway.nextMessage()).text)
    const own = browser()
    await own.send(link, {}, '/invitation/code')
    const code = /(\d{6})/.exec((await gateway.nextMessage()).text)?.[1] ?? ''
    gateway.answerWith(429, '')
    for (let count = 0; count < 5; count += 1) {
      const refused = await own.send(link, {}, '/invitation/code')
      t.match([refused.status, wordsOf(refused)], [503, /The code could not be sent now.*Code from the text message/])
      t.notMatch(refused.body, /on its way/)
      for (let tries = 0; tries < 2; tries += 1) await gateway.next()
    }
    const proven = await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
    t.has(proven, { status: 303, location: '/invitation/account' })
  },
)

t.test('whoever has the link cannot ask without end for codes that are not sent', async t => {
  const { subject } = await enrolled('Asks', { telecom: [phone('+15005550022')] })
  await act(subject, 'invite')
  const link = linkOf((await gateway.nextMessage()).text).split('link=')[1] ?? ''
  let asked = 0
  const sendNow = async () => {
    asked += 1
    return false
  }
  const parts = {
    accounts: { database, secretKey: Buffer.alloc(32), reportFault: (fault: unknown) => t.fail(String(fault)) },
    channels: { sms: { sendNow, deliver: async () => {} } },
  }
  const kinds = []
  for (let count = 0; count < 27; count += 1) kinds.push((await sendCode(parts, link, wordsFor('en'))).kind)
  t.same(kinds, [...Array(25).fill('unsent'), 'too-often', 'too-often'])
  t.equal(asked, 25)
})

/** A gateway that answers when the test says so, and somebody who asks it for codes. */
const answering = (t: Test, link: string, waitingMs: number) => {
  const secretKey = Buffer.alloc(32)
  const taken: { readonly code: string; readonly answer: (isSent: boolean) => void }[] = []
  const sendNow = ({ text }: { readonly text: string }) =>
    new Promise<boolean>(answer => taken.push({ code: /\d{6}/.exec(text)?.[0] ?? '', answer }))
  const parts = {
    accounts: { database, secretKey, reportFault: (fault: unknown) => t.fail(String(fault)) },
    channels: { sms: { sendNow, deliver: async () => {} } },
    waitingMs,
  }
  const ask = async () => {
    const asked = sendCode(parts, link, wordsFor('en'))
    const before = taken.length
    while (taken.length === before) await new Promise(resolve => setTimeout(resolve, 10))
    return { asked, ...taken[before] }
  }
  const tried = async (code = '') => {
    const invitation = await findInvitation(database, link)
    if (invitation === undefined) return 'over'
    return (await tryProof(database, invitation.id, { birthDate, code: hashOf(secretKey, invitation, code) })).answer
  }
  return { ask, tried }
}

t.test(
  'of two codes that are asked for the later one works, even if the gateway answers for the first one last',
  async t => {
    const { subject } = await enrolled('Twice', { telecom: [phone('+15005550031')] })
    await act(subject, 'invite')
    const link = linkOf((await gateway.nextMessage()).text).split('link=')[1] ?? ''
    const { ask, tried } = answering(t, link, 60_000)
    const [first, second] = [await ask(), await ask()]
    second.answer?.(true)
    t.strictSame(await second.asked, { kind: 'sent' })
    first.answer?.(true)
    t.strictSame(await first.asked, { kind: 'sent' })
    t.equal(await tried(second.code), 'right')
  },
)

t.test('while a gateway is silent the page says that the code is being sent, and then what became of it', async t => {
  const { subject } = await enrolled('Silent', { telecom: [phone('+15005550032')] })
  await act(subject, 'invite')
  const address = linkOf((await gateway.nextMessage()).text)
  const link = address.split('link=')[1] ?? ''
  const { ask, tried } = answering(t, link, 1)
  const id = (await findInvitation(database, link))?.id ?? ''
  const told = async () => wordsOf(await browser().get(`${address}&sent=`))
  const over = async () => {
    while ((await findCodeState(database, id)) === 'sending') await new Promise(resolve => setTimeout(resolve, 10))
  }
  const first = await ask()
  t.strictSame(await first.asked, { kind: 'sending' })
  t.match(await told(), /The code is being sent\. That takes longer than usual.*Code from the text message/)
  first.answer?.(true)
  await over()
  t.match(await told(), /a code is on its way/)
  const second = await ask()
  await second.asked
  second.answer?.(false)
  await over()
  t.match(await told(), /The code could not be sent now.*Code from the text message/)
  t.equal(await tried(first.code), 'right', 'the one before still works')
})

t.test('the invitation offers an app that opens it', async t => {
  const { subject } = await enrolled('App')
  await act(subject, 'invite')
  const link = /(\/invitation\?link=\S+)/.exec((await mailbox.next()).text)?.[1] ?? ''
  const secret = link.split('=')[1] ?? ''
  const { body } = await browser().get(link)
  const address = encodeURIComponent(`http://localhost:8080${link}`)
  t.match(body, `href="app://open?link=${address}&amp;code=${secret}">Open it in Health &amp; Co</a>`)
})

t.test('a picture that staff show leads to a code that is sent to the phone', async t => {
  const { subject } = await enrolled('Qr', { telecom: [phone('+15005550008')] })
  await act(subject, 'invite')
  await gateway.nextMessage()
  t.match(await act(subject, 'code'), { status: 200, body: /<svg[^>]*aria-label="QR code of the invitation"/ })
  // What is in the picture is stored nowhere else, so the test replaces it with a link of its own.
  const secret = 'A'.repeat(43)
  const shown = await database.run(sql.fragment`
    UPDATE invitation SET shown_hash = ${sql.binary(digestOf(secret))}
    WHERE subject = ${subject} AND shown_hash IS NOT NULL`)
  t.equal(shown, 1)
  const own = browser()
  const link = `/invitation?link=${secret}`
  await own.send(link, {}, '/invitation/code')
  const sent = await gateway.nextMessage()
  t.equal(sent.to, '+15005550008')
  const wrong = await own.send(`${link}&sent=`, { birthDate, code: '' }, '/invitation')
  t.equal(wrong.status, 422, 'without the code nobody gets in')
  const code = /(\d{6})/.exec(sent.text)?.[1] ?? ''
  const proven = await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
  t.equal(proven.location, '/invitation/account')
})

t.test('another address, however it is changed, ends the links, and the old one is told once', async t => {
  const body = (path: string, value: string) => [{ op: 'replace', path, value }]
  const { patient, subject } = await enrolled('Old', { telecom: [email('old@example.org'), phone('+15005550009')] })
  await act(subject, 'invite')
  const link = /(\/invitation\?link=\S+)/.exec((await mailbox.next()).text)?.[1] ?? ''
  const patched = await world.server.inject({
    method: 'PATCH',
    url: `/fhir/Patient/${patient.id}`,
    headers: { authorization: `Bearer ${lab.manager}`, 'content-type': 'application/json-patch+json' },
    payload: body('/telecom/0/value', 'new@example.org'),
  })
  t.equal(patched.statusCode, 200)
  t.equal((await browser().get(link)).status, 410)
  const letter = await mailbox.next()
  t.match(letter, { to: 'old@example.org', subject: 'We now write to you at another address' })
  t.match(letter.text, /your record at lab now has another address/)
  t.notMatch(letter.text, /new@example|Hearts/)

  const current = (await send(lab.manager, 'GET', `Patient/${patient.id}`)).json()
  const sms = await enrolled('Cell', { telecom: [phone('+15005550010')] })
  await act(sms.subject, 'invite')
  const texted = linkOf((await gateway.nextMessage()).text)
  await update(lab.manager, { ...sms.patient, telecom: [phone('+15005550011')] })
  t.equal((await browser().get(texted)).status, 410)
  const told = await gateway.nextMessage()
  t.equal(told.to, '+15005550010')
  t.match(told.text, /^Your record at lab now has another number/)
  t.notMatch(told.text, /0011|Hearts/)

  await update(lab.manager, { ...current, gender: 'other' })
  await update(lab.manager, { ...current, telecom: [email('third@example.org')] })
  const rows = await database.any(sql.fragment`
    SELECT address FROM study_message WHERE kind = 'address-changed' AND patient = ${patient.id}`)
  t.same(rows, [{ address: 'old@example.org' }], 'an address that was never written to is told nothing')
})

t.test('a number that an earlier version read with the zero of its country is no other one', async t => {
  const { patient, subject } = await enrolled('Zero', { telecom: [phone('+44 07700 900456')] })
  await act(subject, 'invite')
  const link = linkOf((await gateway.nextMessage()).text)
  await database.run(sql.fragment`UPDATE study_message SET address = '+4407700900456' WHERE patient = ${patient.id}`)
  await update(lab.manager, { ...patient, gender: 'other' })
  t.equal((await browser().get(link)).status, 200)
  t.same(
    await database.any(sql.fragment`
      SELECT kind FROM study_message WHERE kind = 'address-changed' AND patient = ${patient.id}`),
    [],
  )
})

t.test('a message that the gateway refuses is tried again, and staff are told why it failed', async t => {
  gateway.answerWith(400, 'no')
  t.teardown(() => gateway.answerWith(201, '{}'))
  const { subject } = await enrolled('Nope', { telecom: [phone('+15005550012')] })
  await act(subject, 'invite')
  // The page also shows other people of the study.
  await staffAreTold(
    t,
    /The text message failed\. Tried 2 times\. The gateway refused the text message \(status 400\)\./,
  )
})

t.test('a message that a gateway may have accepted silently is sent once, works, and staff are told so', async t => {
  const { subject } = await enrolled('Perhaps', { telecom: [phone('+15005550014')] })
  while (gateway.waiting() > 0) await gateway.next()
  gateway.hangUp()
  t.teardown(() => gateway.answerWith(201, '{}'))
  await act(subject, 'invite')
  const { text } = await gateway.nextMessage()
  await staffAreTold(
    t,
    /The text message failed\. Tried once\. [^.]* did not answer, so it may have been sent all the same\./,
  )
  t.equal((await browser().get(linkOf(text))).status, 200)
  t.equal(gateway.waiting(), 0)
})

const staffAreTold = async (t: Test, told: RegExp): Promise<void> => {
  let words = ''
  for (let looks = 0; looks < 300 && !told.test(words); looks += 1) {
    await new Promise(resolve => setTimeout(resolve, 100))
    words = wordsOf(await staff.get(page))
  }
  // The page also shows other people of the study.
  t.match(words, told)
}
