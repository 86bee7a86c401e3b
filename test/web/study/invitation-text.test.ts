import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { openSmsGateway } from '../../support/sms-gateway.ts'
import { answerOf, colleagueOf, openInvited } from '../invited.ts'

const gateway = await openSmsGateway()
const world = await openInvited({ SMS_GATEWAY_URL: gateway.url })
const { act, browserOf, create, database, enrolled, lab, patientToken, send, staff, study, update } = world
t.teardown(async () => {
  await world.close()
  await gateway.close()
})
t.setTimeout(200_000)

const page = `/studies/${study.id}`
const failed = `${page}/invitations?invited=failed`
const refused = 'The e-mail failed. Tried once. The mail server refused it.'
const anew = `${refused} Check the e-mail address, and invite them again.`
const fail = (subject: string) =>
  database.run(sql.fragment`
    UPDATE study_message SET state = 'failed', reason = 'The mail server refused it', tries = 1, ended_at = now()
    WHERE subject = ${subject} AND state IN ('waiting', 'sent')`)
const end = (subject: string, by: 'used' | 'cancelled' | 'tries') =>
  database.run(sql.fragment`UPDATE invitation SET ended_at = now(), ended_by = ${by} WHERE subject = ${subject}`)
const said = async (subject: string, by: Browser = staff) => wordsOf(await by.get(`${page}/people/${subject}`))
const isListed = async (name: string, by: Browser = staff) => wordsOf(await by.get(failed)).includes(name)
/** What is still being sent would be noted as sent after a test has said what became of it. */
const invited = async (subject: string) => {
  await act(subject, 'invite')
  const underWay = () =>
    database.any(sql.fragment`SELECT FROM study_message WHERE subject = ${subject} AND state = 'waiting'`)
  while ((await underWay()).length > 0) await new Promise(resolve => setTimeout(resolve, 20))
}
const invitedInVain = async (name: string, more: object = {}) => {
  const one = await enrolled(name, more)
  await invited(one.subject)
  await fail(one.subject)
  return one
}
const remindedInVain = (subject: string, kind: 'reminder' | 'silence' | 'changed') =>
  database.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, invitation, channel, address, state, reason)
    SELECT gen_random_uuid()::text, ${kind}, patient, subject, study_id,
      CASE WHEN ${kind} = 'reminder' THEN invitation END, channel, address, 'failed', 'The mail server refused it'
    FROM study_message WHERE subject = ${subject} AND kind = 'invitation'`)
/** As an app of theirs would. */
const answer = async (patient: string, status: 'active' | 'rejected') =>
  create(await patientToken(patient, 'patient/Consent.cruds'), answerOf(world, patient, status))
const stored = async () => JSON.parse((await send('everything', 'GET', `ResearchStudy/${study.id}`)).body)

t.test('of a message that failed it is said what to do, as long as that is still to be done', async t => {
  const open = await invitedInVain('Open')
  t.match(await said(open.subject), anew)
  const cases = { Used: 'used', Cancelled: 'cancelled', Tried: 'tries' } as const
  for (const [name, by] of Object.entries(cases)) {
    const { subject } = await invitedInVain(name)
    await end(subject, by)
    const isDue = by === 'tries'
    t.match(await said(subject), isDue ? anew : refused, name)
    t.equal((await said(subject)).includes('Check the e-mail address'), isDue, name)
    t.equal(await isListed(name), isDue, name)
  }
  const late = await invitedInVain('Late')
  await database.run(sql.fragment`UPDATE invitation SET expires_at = now() WHERE subject = ${late.subject}`)
  t.match(await said(late.subject), `The invitation no longer works. ${anew}`)
  t.ok(await isListed('Late'))
  const gone = await invitedInVain('Gone')
  const place = JSON.parse((await send('everything', 'GET', `ResearchSubject/${gone.subject}`)).body)
  await update(lab.manager, { ...place, status: 'withdrawn' })
  t.match(await said(gone.subject), refused)
  t.notMatch(await said(gone.subject), /Check the e-mail address/)
})

t.test('the address is to be checked only if it may be to blame', async t => {
  const { subject } = await invitedInVain('Blameless')
  const reason = 'Nobody new comes into the study while its status is “Paused”'
  await database.run(sql.fragment`UPDATE study_message SET reason = ${reason} WHERE subject = ${subject}`)
  t.match(await said(subject), `The e-mail failed. Tried once. ${reason}. Invite them again.`)
})

t.test(
  'of a reminder that failed it is said to remind them again, or to invite them if that would be of no use',
  async t => {
    const { subject } = await invitedInVain('Reminded')
    await database.run(sql.fragment`UPDATE study_message SET state = 'sent', reason = NULL WHERE subject = ${subject}`)
    await remindedInVain(subject, 'reminder')
    const refusedReminder = 'The reminder by e-mail failed. The mail server refused it.'
    const inviting = `${refusedReminder} Check the e-mail address, and invite them again.`
    t.match(await said(subject), inviting, 'the invitation ends if the address is corrected')
    const because = (reason: string) =>
      database.run(
        sql.fragment`UPDATE study_message SET reason = ${reason} WHERE subject = ${subject} AND state = 'failed'`,
      )
    await because('The mail server could not be reached')
    t.match(
      await said(subject),
      'The reminder by e-mail failed. The mail server could not be reached. Remind them again',
    )
    t.match((await staff.get(`${page}/people/${subject}`)).body, `<a href="${failed}">Remind them again</a>`)
    await end(subject, 'tries')
    t.match(await said(subject), 'The mail server could not be reached. Invite them again.')
    await act(subject, 'invite')
    t.notMatch(await said(subject), /them again\./)
    t.notOk(await isListed('Reminded'), 'another message is on its way')
  },
)

t.test('who was reached by the other way at the same time is not to be written to again', async t => {
  const phone = { system: 'sms' as const, value: '+41 79 123 45 67' }
  const { subject } = await invitedInVain('Both', { telecom: [{ system: 'email', value: 'both@example.org' }, phone] })
  await database.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, invitation, channel, address, state, made_at, ended_at)
    SELECT '0-before', kind, patient, subject, study_id, invitation, 'sms', '+41791234567', 'sent', made_at, now()
    FROM study_message WHERE subject = ${subject}`)
  t.match(await said(subject), refused)
  t.notMatch(await said(subject), /Check the e-mail address/)
  t.notOk(await isListed('Both'))
  await fail(subject)
  t.ok(await isListed('Both'))
  t.match(await said(subject), /Check the e-mail address, and invite them again\./)
  t.match(await said(subject), /Check the mobile number, and invite them again\./)
})

t.test('whoever has answered since a message to them failed is not to be written to again', async t => {
  for (const status of ['active', 'rejected'] as const) {
    const name = `Answered-${status}`
    const { patient, subject } = await invitedInVain(name)
    t.ok(await isListed(name))
    await answer(patient.id, status)
    t.notOk(await isListed(name), status)
    t.match(await said(subject), refused)
    t.notMatch(await said(subject), /Check the e-mail address/, status)
  }
})

/** The newest reading of a patient has come just now. */
const sends = (patient: string) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: 'omh:step-count' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value: 4000, unit: 'steps', system: 'http://unitsofmeasure.org', code: '{steps}' },
  })
/** Of how many people the page of the study says that the last message to them failed. */
const failedOn = async (by: Browser = staff) =>
  Number(/The last message to (one|\d+) pe/.exec(wordsOf(await by.get(page)))?.[1]?.replace('one', '1') ?? 0)

t.test('a reminder to send data, or of a new text, is not to be repeated once that is done', async t => {
  const { patient, subject } = await enrolled('Sender')
  await answer(patient.id, 'active')
  await act(subject, 'invite')
  await fail(subject)
  await remindedInVain(subject, 'silence')
  t.match(await said(subject), /to send data, by e-mail failed\. .* Check the e-mail address, and remind them again/)
  t.ok(await isListed('Sender'))
  const before = await failedOn()
  t.ok(before > 0)
  await sends(patient.id)
  const since = await said(subject)
  t.match(since, /The newest reading came .*to send data, by e-mail failed/)
  t.notMatch(since, /Check the e-mail address/)
  t.notOk(await isListed('Sender'))
  t.equal(await failedOn(), before - 1)
  await remindedInVain(subject, 'changed')
  t.notMatch(await said(subject), /Check the e-mail address/, 'they have signed the text that holds')
})

t.test('what is tried again is not said to be on its way, and a QR code says where its code goes', async t => {
  const { subject } = await enrolled('Desk')
  await invited(subject)
  const scans = async () => wordsOf(await act(subject, 'code'))
  const to = (how: string) => `a code that we send to the ${how} that was invited: nobody else can use it.`
  const warning = /has failed so far, and so may the code: correct their e-mail address first, and invite them again\./
  t.match(await scans(), to('e-mail address'))
  t.notMatch(await scans(), warning)
  await database.run(sql.fragment`
    UPDATE study_message SET state = 'waiting', reason = 'The mail server refused it', tries = 2, ended_at = NULL WHERE subject = ${subject}`)
  t.match(
    await said(subject),
    'The e-mail could not be sent yet, and is tried again. Tried 2 times. The mail server refused it.',
  )
  t.match(await scans(), warning)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, invitation, channel, address, made_at)
    SELECT 'by-phone', kind, patient, subject, study_id, invitation, 'sms', '+41791234567', made_at FROM study_message WHERE subject = ${subject}`)
  t.match(await scans(), to('mobile number'))
  t.notMatch(await scans(), warning)
  await fail(subject)
  t.match(await scans(), /The e-mail to them has failed so far/)
})

t.test('where an invitation ended with the address, nothing is said to have gone to the new one', async t => {
  const { patient, subject } = await enrolled('Moved')
  await act(subject, 'invite')
  await update(lab.manager, { ...patient, telecom: [{ system: 'email', value: 'moved@elsewhere.example' }] })
  t.match(await said(subject), 'It ended, because the address was changed: no link was sent to the new one.')
})

t.test('where the study asks nobody now, nobody is told to invite anybody', async t => {
  const { subject } = await invitedInVain('Paused')
  const active = await stored()
  const note = /The last message to (one person|\d+ people) failed\. See why(, and write to them again)?/
  const noted = async () => note.exec(wordsOf(await staff.get(page)))?.[2]
  t.equal(await noted(), ', and write to them again')
  await update(lab.manager, { ...active, status: 'temporarily-closed-to-accrual' })
  t.equal(await noted(), undefined)
  t.match(wordsOf(await staff.get(page)), note, 'though it says who was not reached')
  t.match(await said(subject), refused)
  t.notMatch(await said(subject), /Check the e-mail address/)
  await update(lab.manager, { ...active, status: 'completed' })
  t.notMatch(wordsOf(await staff.get(page)), /The last message to|No message can reach/, 'nothing more is to be done')
  await update('everything', active)
})

t.test('of an open invitation that went to what is no number it is said that it may not have arrived', async t => {
  const telecom = [{ system: 'phone' as const, use: 'mobile' as const, value: '+41 79 123 45 67' }]
  const { patient, subject } = await enrolled('Astray', { telecom })
  await act(subject, 'invite')
  const astray = 'The open invitation was sent to a number that cannot be one, so it may not have arrived'
  t.notMatch(await said(subject), astray)
  // As an earlier version has read, and kept, a number.
  await database.run(sql.fragment`UPDATE study_message SET address = '+4107912345678' WHERE subject = ${subject}`)
  const email = { system: 'email', value: 'astray@example.org' }
  await database.run(sql.fragment`
    UPDATE patient SET content = jsonb_set(content, '{telecom}', ${JSON.stringify([email])}::jsonb) WHERE id = ${patient.id}`)
  t.match(await said(subject), `${astray}: invite them again, or cancel it.`)
  t.match(wordsOf(await staff.get(`${page}/invitations?find=astray`)), astray)
  const active = await stored()
  await update(lab.manager, { ...active, status: 'temporarily-closed-to-accrual' })
  t.match(await said(subject), `${astray}: cancel it.`)
  await update(lab.manager, { ...active, status: 'active' })
  await act(subject, 'invite')
  t.notMatch(await said(subject), astray)
})

t.test('whoever may not know who has answered learns it neither by that list nor beside a name', async t => {
  const { patient, subject } = await invitedInVain('Secret')
  await answer(patient.id, 'rejected')
  const sharing = await enrolled('Quiet')
  await answer(sharing.patient.id, 'active')
  await invited(sharing.subject)
  await remindedInVain(sharing.subject, 'silence')
  const { extension, ...open } = await stored()
  await update(lab.manager, { ...open, extension: [...extension, { url: extensions.access, valueCode: 'staff' }] })
  const member = await browserOf((await colleagueOf(world, lab.organization)).person)
  t.ok(await isListed('Secret', member))
  t.match(await said(subject, member), anew)
  t.notOk(await isListed('Secret'), 'its staff know it')
  t.ok(await isListed('Quiet'))
  const [known, toMember] = [await failedOn(), await failedOn(member)]
  await sends(sharing.patient.id)
  t.ok(await isListed('Quiet', member), 'nor that data came')
  t.equal(await failedOn(member), toMember)
  t.notOk(await isListed('Quiet'))
  t.equal(await failedOn(), known - 1)
})
