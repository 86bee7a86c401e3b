import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { nothingMoreToSay } from '../../../src/storage/study/study-message.ts'
import { wordsOf } from '../../support/browser.ts'
import { openSmsGateway } from '../../support/sms-gateway.ts'
import { birthDate, colleagueOf, openInvited } from '../invited.ts'

const gateway = await openSmsGateway()
const world = await openInvited({ SMS_GATEWAY_URL: gateway.url })
const { act, browserOf, clinic, create, database, enrolled, lab, staff, study, update } = world
t.teardown(async () => {
  await world.close()
  await gateway.close()
})
t.setTimeout(200_000)

const page = `/studies/${study.id}`
const unreached = `${page}/invitations?invited=unreached`
const mobile = (value: string) => ({ telecom: [{ system: 'phone' as const, use: 'mobile' as const, value }] })
const note = /No message can reach (one person|\d+ people) in the study\. See what their records lack/
const nowhere = { telecom: [{ system: 'email' as const, use: 'old' as const, value: 'old@example.org' }] }
const names = ['Reached', 'Called', 'Wrong', 'Nowhere', 'Ageless', 'Dead', 'Unused', 'Left', 'Mended']
const listed = async (): Promise<readonly string[]> => {
  const said = wordsOf(await staff.get(unreached))
  return names.filter(name => said.includes(name))
}

t.test('where everybody can be written to, no page says otherwise', async t => {
  await enrolled('Reached')
  await enrolled('Called', mobile('+41 079 123 45 67'))
  t.notMatch(wordsOf(await staff.get(page)), /No message can reach/)
  t.match(wordsOf(await staff.get(unreached)), /Nobody in the study matches that/)
})

t.test('whoever invites finds those whom no message can reach, with what their records lack', async t => {
  const { patient } = await enrolled('Wrong', mobile('+41 079 123 45 6'))
  await enrolled('Nowhere', nowhere)
  await enrolled('Ageless', { birthDate: birthDate.slice(0, 'YYYY-MM'.length) })
  await enrolled('Dead', { ...nowhere, deceasedBoolean: true })
  await enrolled('Unused', { ...nowhere, active: false })
  const { subject } = await enrolled('Left', nowhere)
  const { body } = await world.send('everything', 'GET', `ResearchSubject/${subject}`)
  await update(lab.manager, { ...JSON.parse(body), status: 'withdrawn' })
  t.strictSame(await listed(), ['Wrong', 'Nowhere', 'Ageless'])
  const said = wordsOf(await staff.get(unreached))
  t.match(said, /Ageless .*their record lacks a full birth date\. Whoever has registered them puts that right/)
  t.match(said, /Nowhere .*lacks an e-mail address or a mobile number with its country code\./)
  t.match(
    said,
    /Wrong .*lacks an e-mail address or a mobile number with its country code \(the one in it has none, or has too few or too many digits\)\./,
  )
  const leads = new RegExp(`<a href="/patients/${patient.id}\\?back=[^"]*">the patient’s page`)
  t.match((await staff.get(unreached)).body, leads, 'and leads to where it is put right')
  const record = await staff.get(`/patients/${patient.id}?${new URLSearchParams({ back: unreached })}`)
  t.match(record.body, `<a href="${unreached}">Back to the invitations</a>`, 'and back to the list')
  const shown = await staff.get(page)
  t.match(shown.body, leads)
  t.match(wordsOf(shown), note)
  t.match(wordsOf(shown), /can reach 3 people/)
  t.match(shown.body, `href="${unreached}"`)
  t.equal(shown.body.split('No message can reach them').length - 1, 3, 'and beside each of them')
})

t.test('of an invitation that is open it is said that it may not have arrived', async t => {
  const { patient, subject } = await enrolled('Earlier', mobile('+41 79 123 45 67'))
  await act(subject, 'invite')
  // As an earlier version has read, and kept, a number.
  await database.run(sql.fragment`
    UPDATE patient SET content = jsonb_set(content, '{telecom,0,value}', '"+4107912345678"') WHERE id = ${patient.id}`)
  const open = /What was sent of the open invitation may not have arrived: then invite them again, or cancel it\./
  t.match(wordsOf(await staff.get(`${page}/people/${subject}`)), open)
  await act(subject, 'cancel')
  const cancelled = wordsOf(await staff.get(`${page}/people/${subject}`))
  t.match(cancelled, /No message can reach them/)
  t.notMatch(cancelled, open)
})

t.test('a record that is put right is on the list no more', async t => {
  const { patient, subject } = await enrolled('Mended', mobile('+41 079 123 45 6'))
  t.ok((await listed()).includes('Mended'))
  const { body } = await world.send('everything', 'GET', `Patient/${patient.id}`)
  await update(lab.manager, { ...JSON.parse(body), ...mobile('+41 79 123 45 67') })
  t.notOk((await listed()).includes('Mended'))
  t.notMatch(wordsOf(await staff.get(`${page}/people/${subject}`)), /No message can reach/)
})

t.test(
  'the page of the study leads to those whose last message failed, unless there was nothing more to say',
  async t => {
    const failed = `${page}/invitations?invited=failed`
    const { subject } = await enrolled('Bounced')
    await act(subject, 'invite')
    const end = (reason: string) =>
      database.run(sql.fragment`
      UPDATE study_message SET state = 'failed', reason = ${reason}, ended_at = now() WHERE subject = ${subject}`)
    await end('The mail server refused it')
    t.match(wordsOf(await staff.get(page)), /The last message to one person failed\. See why, and write to them again/)
    t.match(wordsOf(await staff.get(failed)), /Bounced/)
    await end(nothingMoreToSay)
    t.notMatch(wordsOf(await staff.get(page)), /The last message to/)
    t.notMatch(wordsOf(await staff.get(failed)), /Bounced/)
  },
)

t.test('a message that failed is not to be sent again once its invitation was used or cancelled', async t => {
  const failed = `${page}/invitations?invited=failed`
  const end = async (name: string, by: 'used' | 'cancelled') => {
    const { subject } = await enrolled(name)
    await act(subject, 'invite')
    await database.run(sql.fragment`
      UPDATE study_message SET state = 'failed', reason = 'The mail server refused it', ended_at = now() WHERE subject = ${subject}`)
    t.match(wordsOf(await staff.get(failed)), name)
    await database.run(
      sql.fragment`UPDATE invitation SET ended_at = now(), ended_by = ${by} WHERE subject = ${subject}`,
    )
    return subject
  }
  const scanned = await end('Scanned', 'used')
  await end('Cancelled', 'cancelled')
  t.notMatch(wordsOf(await staff.get(page)), /The last message to/)
  t.match(wordsOf(await staff.get(failed)), /Nobody in the study matches that/)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, reason)
    SELECT gen_random_uuid()::text, 'reminder', patient, subject, study_id, channel, address, state, reason
    FROM study_message WHERE subject = ${scanned}`)
  t.match(wordsOf(await staff.get(failed)), /Scanned/, 'but what failed after that is')
})

t.test('nobody is told to write again to somebody who has died since a message to them failed', async t => {
  const failed = `${page}/invitations?invited=failed`
  const { patient, subject } = await enrolled('Buried')
  await act(subject, 'invite')
  await database.run(sql.fragment`
    UPDATE study_message SET state = 'failed', reason = 'The mail server refused it', ended_at = now() WHERE subject = ${subject}`)
  t.match(wordsOf(await staff.get(failed)), /Buried/)
  const { body } = await world.send('everything', 'GET', `Patient/${patient.id}`)
  await update(lab.manager, { ...JSON.parse(body), deceasedBoolean: true })
  t.notMatch(wordsOf(await staff.get(failed)), /Buried/)
})

t.test('nothing is said of a record of another institution', async t => {
  const { id } = await create(clinic.manager, {
    resourceType: 'Patient',
    name: [{ text: 'Foreign' }],
    birthDate,
    managingOrganization: { reference: `Organization/${clinic.organization}` },
  })
  const { id: subject } = await create('everything', {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${id}` },
  })
  const shown = await staff.get(`${page}/people/${subject}`)
  t.equal(shown.status, 200)
  t.notMatch(wordsOf(shown), /No message can reach/)
  t.notMatch((await staff.get(unreached)).body, subject)
})

t.test('whoever may invite nobody is told nothing of it', async t => {
  const { person } = await colleagueOf(world, lab.organization, { role: 'viewer' })
  const viewer = await browserOf(person)
  const shown = await viewer.get(page)
  t.equal(shown.status, 200)
  t.match(wordsOf(shown), /Nowhere/)
  t.notMatch(wordsOf(shown), /No message can reach/)
  t.equal((await viewer.get(unreached)).status, 404)
})

t.test('an invitation, or an answer, that there is not is said at its field, and nobody is listed for it', async t => {
  await enrolled('Unlisted')
  for (const [asked, label] of [
    ['invited=banana', 'Invitation'],
    ['state=banana', 'Answer'],
    ['invited=open&invited=banana&state=constructor', 'Answer'],
  ] as const) {
    const shown = await staff.get(`${page}/invitations?${asked}`)
    const said = wordsOf(shown)
    t.match(said, new RegExp(`${label} There is no such choice\\. Choose one of these: Everybody; `), asked)
    t.match(shown.body, /<title>Problem: Invitations/, asked)
    t.notMatch(said, /Unlisted|who are listed|Nobody in the study matches/, asked)
  }
  t.match(wordsOf(await staff.get(`${page}/invitations?invited=&state=`)), /Unlisted.*All \d+ who are listed/)
})
