import { createHash } from 'node:crypto'
import type { Patient, Person, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { hashOf, newSecret } from '../../../src/storage/secret/secret.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import {
  cancelInvitation,
  findInvitation,
  findProven,
  type Invitation,
  isOfAnother,
  isOfTenant,
  isProofLate,
  linkToShow,
  makeInvitation,
  makeProof,
  studyTakenUp,
  useInvitation,
} from '../../../src/storage/study/invitation.ts'
import {
  addCode,
  findCodeState,
  setCodeSent,
  setCodeUnsent,
  tryProof,
} from '../../../src/storage/study/invitation-code.ts'
import { invitationsOf } from '../../../src/storage/study/invitation-state.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)
const birthDate = '1970-05-31'
const codeOf = (text: string) => createHash('sha256').update(text).digest()
const right = { birthDate, code: codeOf('right') }
const wrong = { birthDate, code: codeOf('wrong') }

await put(w.organization('lab'), w.organization('ward', 'lab'), w.organization('clinic'))
const account = (id: string, ...patients: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: patients.map(patient => ({ target: { reference: `Patient/${patient}` } })),
})

/** Somebody who is enrolled and invited by e-mail and by text message, and has used nothing of it yet. */
const invited = async (name: string) => {
  await put({ ...(w.registered(name, 'lab') as Patient), birthDate })
  const subject = await enrolled(name, 's')
  return { subject, ...(await sent(name, subject)) }
}
const enrolled = async (name: string, study: string): Promise<string> => {
  const subject = `${name}-in-${study}`
  await database.run(sql.fragment`
    INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end)
    VALUES (7, ${subject}, 1, ${study}, ${name}, TRUE, '-infinity', 'infinity')`)
  return subject
}
const sent = async (name: string, subject: string) => {
  const addresses = [
    { channel: 'email', address: `${name}@example.org` },
    { channel: 'sms', address: '+34600111222' },
  ] as const
  const made = await makeInvitation(database, { subject, study: 's', patient: name, addresses, days: 7 })
  const [email = '', sms = ''] = made ?? []
  const links = { email: newSecret(), sms: newSecret() }
  for (const [message, link] of [[email, links.email] as const, [sms, links.sms] as const])
    await database.run(sql.fragment`UPDATE study_message SET hash = ${hashOf(link)} WHERE id = ${message}`)
  const found = await findInvitation(database, links.email)
  if (found === undefined) throw new Error('no link')
  return { id: found.id, messages: { email, sms }, links, found }
}
type Invited = Awaited<ReturnType<typeof invited>>
const change = (table: 'invitation' | 'enrolment', id: string, to: SqlFragment) =>
  database.run(sql.fragment`UPDATE ${sql.identifier([table])} SET ${to} WHERE id = ${id}`)
const sendCode = async (by: Pick<Invitation, 'id' | 'message'>, code: Buffer) => {
  await addCode(database, by, code)
  await setCodeSent(database, by.id, code)
}
const withCode = async (one: Invited, by: Pick<Invitation, 'id' | 'message'> = one.found) => {
  await sendCode(by, right.code)
  return one
}

/** What each part of it can still be used for. */
const useOf = async ({ id, subject, links }: Invited, shown: string, proof: string, late: string) => ({
  link: (await findInvitation(database, links.email))?.id,
  shown: (await findInvitation(database, shown))?.id,
  proof: (await findProven(database, proof))?.id,
  isLate: await isProofLate(database, late),
  isOpen: (await invitationsOf(database, [subject])).filter(one => one.id === id).map(({ isOpen }) => isOpen),
})

t.test('once an invitation has ended, its link, picture, code and proof are of no use', async t => {
  const ways: Readonly<Record<string, (one: Invited) => Promise<unknown>>> = {
    stands: async () => undefined,
    used: ({ id }) => useInvitation(database, id),
    cancelled: ({ subject }) => cancelInvitation(database, subject),
    'too-old': ({ id }) => change('invitation', id, sql.fragment`expires_at = now()`),
    left: ({ subject }) => change('enrolment', subject, sql.fragment`in_force = FALSE`),
    'left-for-another': async ({ subject }) => {
      await change('enrolment', subject, sql.fragment`in_force = FALSE`)
      await enrolled('left-for-another', 'r')
    },
    'place-over': ({ subject }) => change('enrolment', subject, sql.fragment`period_end = now()`),
    'place-of-another': ({ subject }) => change('enrolment', subject, sql.fragment`patient = 'somebody-else'`),
  }
  for (const [name, end] of Object.entries(ways)) {
    const one = await withCode(await invited(name))
    const { id, found, subject } = one
    const shown = (await linkToShow(database, subject))?.secret ?? ''
    const [proof, late] = [await makeProof(database, found), await makeProof(database, found)]
    await database.run(sql.fragment`UPDATE invitation_proof SET expires_at = now() WHERE hash = ${hashOf(late)}`)
    await end(one)
    const isOpen = name === 'stands'
    t.strictSame(
      await useOf(one, shown, proof, late),
      isOpen
        ? { link: id, shown: id, proof: id, isLate: true, isOpen: [true] }
        : { link: undefined, shown: undefined, proof: undefined, isLate: false, isOpen: [false] },
      name,
    )
    t.equal((await linkToShow(database, subject)) !== undefined, isOpen, `${name}: a picture`)
    await sendCode(found, wrong.code)
    const kept = isOpen ? wrong.code : right.code
    t.strictSame(
      await database.one(sql.fragment`SELECT code, code_message AS message FROM invitation WHERE id = ${id}`),
      { code: kept, message: found.message },
      `${name}: another code`,
    )
    t.strictSame(
      await tryProof(database, id, { birthDate, code: kept }),
      isOpen ? { message: found.message, answer: 'right' } : { answer: 'over', message: null },
      `${name}: the code`,
    )
    t.equal(await useInvitation(database, id), isOpen, `${name}: the place`)
  }
})

t.test('an invitation that was replaced has ended, and the one that replaced it has not', async t => {
  const first = await withCode(await invited('anew'))
  const second = { subject: first.subject, ...(await sent('anew', first.subject)) }
  t.strictSame(await invitationsOf(database, [first.subject, 'nobody-in-s']), [
    {
      id: second.id,
      subject: first.subject,
      madeAt: (await invitationsOf(database, [first.subject]))[0]?.madeAt,
      expiresAt: second.found.expiresAt,
      endedBy: null,
      isOpen: true,
    },
  ])
  t.equal(await findInvitation(database, first.links.email), undefined)
  t.equal(await useInvitation(database, first.id), false)
  t.equal((await tryProof(database, first.id, right)).answer, 'over')
  t.equal((await tryProof(database, second.id, right)).answer, 'late', 'each has its own code')
  t.equal(await useInvitation(database, second.id), true)
  t.equal(await useInvitation(database, second.id), false, 'it can be used once')
  await sent('anew', first.subject)
  t.equal(await cancelInvitation(database, first.subject), true)
  t.equal(await cancelInvitation(database, first.subject), false, 'once')
  const became = await database.any<{ by: string }>(sql.fragment`
    SELECT ended_by AS by FROM invitation WHERE subject = ${first.subject} ORDER BY made_at`)
  t.strictSame(
    became.map(({ by }) => by),
    ['replaced', 'used', 'cancelled'],
    'and what became of those before stays as it was',
  )
})

t.test('an invitation ends with the study at the latest', async t => {
  const dayMs = 24 * 3_600_000
  const end = new Date(Date.now() + 3 * dayMs).toISOString().slice(0, 10)
  const over = new Date(Date.parse(end) + dayMs).toISOString()
  await put({ ...(w.study('brief', 'lab', []) as ResearchStudy), period: { end } })
  const untilOf = async (study: string, days: number) => {
    const subject = await enrolled('brief', study)
    await makeInvitation(database, { subject, study, patient: 'brief', addresses: [], days })
    const [{ expiresAt } = {}] = await invitationsOf(database, [subject])
    return expiresAt?.toISOString()
  }
  t.equal(await untilOf('brief', 7), over)
  t.ok(((await untilOf('s', 7)) ?? '') > over, 'one without an end ends none')
})

t.test('of several who invite somebody as the same stands, one does, and the others send nothing', async t => {
  const { subject, id } = await invited('pressed')
  const again = (after: string) =>
    database.transaction(connection =>
      makeInvitation(connection, { subject, study: 's', patient: 'pressed', addresses: [], days: 7, after }),
    )
  const made = await Promise.all([again(id), again(id), again(id), again('none')])
  t.equal(made.filter(messages => messages !== undefined).length, 1)
  const [latest] = await invitationsOf(database, [subject])
  t.not(latest?.id, id)
  t.strictSame(await again(latest?.id ?? ''), [], 'as it stands now')
})

t.test('whoever invites somebody while another does sends nothing', async t => {
  const { subject, id } = await invited('double')
  const again = { subject, study: 's', patient: 'double', addresses: [], days: 7, after: id }
  const { other } = await database.transaction(async connection => {
    await makeInvitation(connection, again)
    const other = database.transaction(within => makeInvitation(within, again))
    await Promise.race([other, someoneWaits(connection)])
    return { other }
  })
  t.equal(await other, undefined)
  t.equal((await invitationsOf(database, [subject]))[0]?.isOpen, true)
})

t.test('whoever cancels while somebody invites anew cancels the new invitation', async t => {
  const { subject } = await invited('kim')
  const { cancelling } = await database.transaction(async connection => {
    await makeInvitation(connection, { subject, study: 's', patient: 'kim', addresses: [], days: 7 })
    const cancelling = database.transaction(within => cancelInvitation(within, subject))
    await Promise.race([cancelling, someoneWaits(connection)])
    return { cancelling }
  })
  t.equal(await cancelling, true)
  t.match(await invitationsOf(database, [subject]), [{ isOpen: false, endedBy: 'cancelled' }])
})

t.test(
  'whoever has the invitation shows it by the birth date and the code that was sent last, through any of its links',
  async t => {
    const one = await withCode(await invited('scanned'))
    const { id, links, messages } = one
    t.equal((await tryProof(database, id, { ...right, birthDate: '1970-05-30' })).answer, 'wrong')
    t.equal((await tryProof(database, id, wrong)).answer, 'wrong')
    const bySms = await findInvitation(database, links.sms)
    t.match(bySms, { id, message: messages.sms, channel: 'sms', address: '+34600111222' })
    if (bySms === undefined) return
    await sendCode(bySms, codeOf('next'))
    t.equal((await tryProof(database, id, right)).answer, 'wrong', 'the previous code')
    const shown = await tryProof(database, id, { birthDate, code: codeOf('next') })
    t.strictSame(shown, { message: messages.sms, answer: 'right' }, 'it is known whose phone or mailbox that is')
    for (let times = 0; times < 6; times += 1)
      t.equal((await tryProof(database, id, { birthDate, code: codeOf('next') })).answer, 'late', 'once')
    const picture = await findInvitation(database, (await linkToShow(database, one.subject))?.secret ?? '')
    t.match(picture, { id, message: messages.email, channel: 'email' }, 'a picture sends the code by the first channel')
  },
)

t.test(
  'five wrong tries, of any codes, end it; a right one restarts the count, and late ones do not count',
  async t => {
    const one = await withCode(await invited('counted'))
    const { id } = one
    const answers = async (...shown: readonly (typeof right)[]) => {
      const told: string[] = []
      for (const each of shown) told.push((await tryProof(database, id, each)).answer)
      return told
    }
    t.strictSame(await answers(wrong, wrong, wrong, wrong, right), ['wrong', 'wrong', 'wrong', 'wrong', 'right'])
    await withCode(one)
    await change('invitation', id, sql.fragment`code_expires_at = now()`)
    t.strictSame(await answers(wrong, right, right, right, right, right), Array(6).fill('late'))
    await withCode(one)
    t.strictSame(await answers(wrong, wrong, wrong, wrong), Array(4).fill('wrong'))
    await change('invitation', id, sql.fragment`code_expires_at = now()`)
    t.strictSame(await answers(wrong, right), ['late', 'late'], 'not even at the last try')
    await change('invitation', id, sql.fragment`tries = 2`)
    await withCode(one)
    t.strictSame(await answers(wrong, wrong, wrong, right), ['wrong', 'wrong', 'ended', 'over'])
    t.match(await invitationsOf(database, [one.subject]), [{ isOpen: false, endedBy: 'tries' }])
  },
)

t.test(
  'of several codes the one counts that was asked for last, whichever is sent first, and each while it is being sent',
  async t => {
    const { id, found, messages } = await invited('several')
    const bySms = { id, message: messages.sms }
    const [first, second, third] = ['first', 'second', 'third'].map(codeOf) as [Buffer, Buffer, Buffer]
    const tried = (code: Buffer) => tryProof(database, id, { birthDate, code })
    const anew = () => change('invitation', id, sql.fragment`tries = 0`)
    await addCode(database, found, first)
    t.equal(await findCodeState(database, id), 'sending')
    await addCode(database, bySms, second)
    await setCodeSent(database, id, second)
    await setCodeSent(database, id, first)
    t.equal(await findCodeState(database, id), undefined)
    t.equal((await tried(first)).answer, 'wrong', 'its gateway answered last')
    await anew()
    await addCode(database, found, third)
    await setCodeUnsent(database, id, third)
    t.equal(await findCodeState(database, id), 'unsent')
    t.equal((await tried(third)).answer, 'wrong', 'it was not sent')
    t.strictSame(await tried(second), { answer: 'right', message: messages.sms }, 'so the one before still counts')
    await addCode(database, found, first)
    await addCode(database, bySms, third)
    t.equal((await tried(second)).answer, 'wrong', 'it was used')
    t.strictSame(await tried(third), { answer: 'right', message: messages.sms }, 'it came before its gateway answered')
    await setCodeSent(database, id, third)
    for (const code of [first, third])
      t.equal((await tried(code)).answer, 'late', 'it was used, and no earlier one works')
    await addCode(database, found, first)
    t.strictSame(await tried(first), { answer: 'right', message: found.message })
    await addCode(database, found, second)
    await addCode(database, found, third)
    await setCodeUnsent(database, id, third)
    await setCodeSent(database, id, second)
    t.equal(await findCodeState(database, id), undefined, 'that one was sent, if not the one after it')
  },
)

t.test('what is done with one invitation changes no other that is open', async t => {
  const [one, other] = [await invited('tried'), await invited('beside')]
  await sendCode(one.found, right.code)
  await sendCode(other.found, codeOf('other'))
  const late = await makeProof(database, one.found)
  await database.run(sql.fragment`UPDATE invitation_proof SET expires_at = now() WHERE hash = ${hashOf(late)}`)
  t.strictSame(await tryProof(database, one.id, wrong), { message: one.found.message, answer: 'wrong' })
  const stateOf = ({ id }: Invited) =>
    database.one(sql.fragment`
      SELECT code, code_message AS message, tries, ended_at IS NULL AS "isOpen", ended_by AS by FROM invitation WHERE id = ${id}`)
  const untouched = { code: codeOf('other'), message: other.found.message, tries: 0, isOpen: true, by: null }
  t.strictSame(await stateOf(one), { ...untouched, code: right.code, message: one.found.message, tries: 1 })
  t.strictSame(await stateOf(other), untouched)
  for (let times = 0; times < 4; times += 1) await tryProof(database, one.id, wrong)
  t.match(await stateOf(one), { isOpen: false, by: 'tries' })
  t.strictSame(await stateOf(other), untouched)
  t.equal(await isProofLate(database, late), false, 'its link cannot be opened again')
})

t.test('a code lasts fifteen minutes, and a proof thirty', async t => {
  const one = await withCode(await invited('timed'))
  const { id, found } = one
  const leftOf = async (what: SqlFragment) =>
    (await database.one<{ left: number }>(sql.fragment`SELECT extract(epoch FROM ${what})::integer AS left`)).left
  const code = sql.fragment`(SELECT code_expires_at - now() FROM invitation WHERE id = ${id})`
  const left = await leftOf(code)
  t.ok(left > 14 * 60 && left <= 15 * 60)
  await makeProof(database, found)
  const proof = await leftOf(sql.fragment`(SELECT expires_at - now() FROM invitation_proof WHERE invitation = ${id})`)
  t.ok(proof > 29 * 60 && proof <= 30 * 60)
})

t.test('a proof opens its own invitation, and an expired one is kept as long as the invitation is open', async t => {
  const [one, other, ended] = [await invited('proven'), await invited('proven-too'), await invited('proven-once')]
  const [proof, beside, over] = [
    await makeProof(database, one.found),
    await makeProof(database, { ...other.found, message: other.messages.sms }),
    await makeProof(database, ended.found),
  ]
  t.match(await findProven(database, proof), { id: one.id, patient: /^proven$/, channel: 'email' })
  t.match(await findProven(database, beside), { id: other.id, patient: 'proven-too', channel: 'sms' })
  t.equal(await isProofLate(database, proof), false)
  const old = sql.fragment`UPDATE invitation_proof SET expires_at = now()
    WHERE hash IN (${hashOf(proof)}, ${hashOf(over)})`
  await database.run(old)
  await cancelInvitation(database, ended.subject)
  await makeProof(database, other.found)
  t.equal(await findProven(database, proof), undefined)
  t.equal(await isProofLate(database, proof), true)
  t.match(await findProven(database, beside), { id: other.id })
  const kept = await database.any(sql.fragment`SELECT FROM invitation_proof WHERE hash = ${hashOf(over)}`)
  t.equal(kept.length, 0)
  for (const none of ['', 'short', newSecret()])
    t.strictSame([await findProven(database, none), await isProofLate(database, none)], [undefined, false])
})

t.test('the link that somebody used leads them to the study again, and nobody else', async t => {
  const [one, other] = [await invited('back'), await invited('not-back')]
  await put(account('of-back', 'back'), account('of-not-back', 'not-back'))
  const shown = (await linkToShow(database, one.subject))?.secret ?? ''
  const proof = await makeProof(database, one.found)
  const asked = async (link: string, person = 'of-back') => studyTakenUp(database, link, person)
  t.equal(await asked(one.links.email), undefined, 'before they used it')
  await useInvitation(database, one.id)
  await cancelInvitation(database, other.subject)
  for (const link of [one.links.email, one.links.sms, shown, proof]) t.equal(await asked(link), 's')
  t.equal(await asked(one.links.email, 'of-not-back'), undefined, 'as somebody else')
  for (const link of [other.links.email, newSecret(), 'short']) t.equal(await asked(link), undefined)
  t.equal(await asked(other.links.email, 'of-not-back'), undefined, 'with one that was cancelled')
})

t.test('a Patient is one account’s own, or nobody’s, with all records that were joined with it', async t => {
  for (const name of ['free', 'taken', 'joined', 'joined-too'])
    await put({ ...(w.registered(name, 'lab') as Patient), birthDate })
  await put(account('of-taken', 'taken'), account('of-joined', 'joined', 'joined-too'))
  const isAnothers = async (patient: string) => {
    const found: string[] = []
    for (const person of ['of-taken', 'of-joined', 'of-nobody'])
      if (await isOfAnother(database, patient, person)) found.push(person)
    return found
  }
  t.strictSame(await isAnothers('free'), [])
  t.strictSame(await isAnothers('taken'), ['of-joined', 'of-nobody'])
  t.strictSame(await isAnothers('joined'), ['of-taken', 'of-nobody'])
  await put(account('of-joined', 'joined'))
  t.strictSame(await isAnothers('joined-too'), ['of-taken', 'of-nobody'], 'what was joined stays joined')
})

t.test('of two accounts that take a Patient at once, the second learns of the first', async t => {
  await put({ ...(w.registered('wanted', 'lab') as Patient), birthDate })
  const { second } = await database.transaction(async connection => {
    t.equal(await isOfAnother(connection, 'wanted', 'first'), false)
    const second = database.transaction(within => isOfAnother(within, 'wanted', 'second'))
    await Promise.race([second, someoneWaits(connection)])
    await connection.run(sql.fragment`INSERT INTO person_patient (person, patient) VALUES ('first', 'wanted')`)
    return { second }
  })
  t.equal(await second, true)
})

t.test('a Patient who was joined with another keeps their own birth date and their own tenant', async t => {
  const one = await withCode(await invited('twice'))
  await put(
    { ...(w.registered('twice-elsewhere', 'clinic') as Patient), birthDate: '1970-06-01' },
    account('of-twice', 'twice', 'twice-elsewhere'),
  )
  t.equal((await tryProof(database, one.id, { ...right, birthDate: '1970-06-01' })).answer, 'wrong')
  t.equal((await tryProof(database, one.id, right)).answer, 'right')
  const tenants = async (patient: string) => {
    const found: string[] = []
    for (const organization of ['lab', 'ward', 'clinic'])
      if (await isOfTenant(database, patient, organization)) found.push(organization)
    return found
  }
  t.strictSame(await tenants('twice'), ['lab', 'ward'])
  t.strictSame(await tenants('twice-elsewhere'), ['clinic'])
  t.strictSame(await tenants('nobody'), [])
})

t.test(
  'a link that is shown counts as that to the first address to which the invitation went, since its code goes there',
  async t => {
    const { subject, messages, links } = await invited('at-the-desk')
    const shown = (await linkToShow(database, subject))?.secret ?? ''
    const cameBy = async (link: string) => (await findInvitation(database, link))?.message
    const fail = (message: string) =>
      database.run(sql.fragment`UPDATE study_message SET state = 'failed' WHERE id = ${message}`)
    t.equal(await cameBy(shown), messages.email)
    t.match(await linkToShow(database, subject), { channel: 'email', isRefused: false })
    const again = (await linkToShow(database, subject))?.secret ?? ''
    await database.run(
      sql.fragment`UPDATE study_message SET reason = 'The mail server refused it' WHERE id = ${messages.email}`,
    )
    t.equal(await cameBy(again), messages.sms, 'what is tried again may never arrive')
    t.equal(await cameBy(links.sms), messages.sms, 'whoever got one comes by that')
    await fail(messages.email)
    t.match(await findInvitation(database, again), { message: messages.sms, channel: 'sms', address: '+34600111222' })
    t.equal(await cameBy(links.email), messages.email, 'it may have arrived all the same')
    await fail(messages.sms)
    t.equal(await cameBy(again), messages.email, 'where neither arrived, the first may be tried once more')
  },
)
