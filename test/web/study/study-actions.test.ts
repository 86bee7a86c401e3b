import t from 'tap'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import { sendMessage } from '../../../src/studies/invitation/study-message.ts'
import { type Browser, type Shown, wordsOf } from '../../support/browser.ts'
import { linkIn } from '../../support/mailbox.ts'
import { openSmsGateway } from '../../support/sms-gateway.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { answerOf, birthDate, colleagueOf, openInvited } from '../invited.ts'

const gateway = await openSmsGateway()
const world = await openInvited({ SMS_GATEWAY_URL: gateway.url })
const {
  arrived,
  browser,
  browserOf,
  create,
  database,
  enrolled,
  lab,
  mailbox,
  patientToken,
  send,
  staff,
  study,
  update,
} = world
t.teardown(async () => {
  await world.close()
  await gateway.close()
})
t.setTimeout(200_000)

const enrolment = `/studies/${study.id}/enrolment`
const invitations = `/studies/${study.id}/invitations`

/** The page of an action, once it is over. */
const settled = async ({ location = '' }: Shown, by: Browser = staff): Promise<string> => {
  for (;;) {
    const shown = await by.get(location)
    if (!shown.body.includes('data-progress=')) return wordsOf(shown)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}
const registered = (name: string, more: object = {}) =>
  create(lab.manager, {
    resourceType: 'Patient' as const,
    name: [{ family: name }],
    birthDate,
    telecom: [{ system: 'email' as const, value: `${name.toLowerCase()}@example.org` }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
    ...more,
  })
const subjectsOf = async (patient: string) =>
  (await send('everything', 'GET', `ResearchSubject?individual=Patient/${patient}&_count=10`)).json().entry ?? []

/** Another member of the organization. */
const colleagueHere = async (): Promise<string> => (await colleagueOf(world, lab.organization)).person

t.test('patients who are ticked are enrolled, and invited at once if wanted', async t => {
  const [one, two] = [await registered('Ticked1'), await registered('Ticked2')]
  const page = `${enrolment}?name=ticked`
  t.match((await staff.get(`/studies/${study.id}`)).body, `href="${enrolment}"`)
  t.match(
    wordsOf(await staff.get(page)),
    /To enrol alone writes to nobody: you invite them later, .* To enrol and invite sends each of them an invitation at once\. Enrol Enrol and invite/,
  )
  const untouched = await staff.send(page, { who: 'ticked', do: 'enrol' }, enrolment)
  t.match(wordsOf(await staff.get(untouched.location ?? '')), /Nobody was ticked, so nothing was done/)
  const enrolled = await staff.send(page, { patient: one.id, who: 'ticked', do: 'enrol' }, enrolment)
  const alone = await settled(enrolled)
  t.match(alone, /1 of 1 are enrolled\./)
  t.notMatch(alone, /Whether each message was sent/, 'none was')
  t.match(await subjectsOf(one.id), [{ resource: { status: 'candidate' } }])
  t.match(wordsOf(await staff.get(page)), /Ticked1 born 31 May 1970 Is in the study/)
  const outside = `${page}&outside=yes`
  const left = wordsOf(await staff.get(outside))
  t.match(left, /Only those who are not in the study yet Find Patients who are listed Ticked2 born/)
  t.notMatch(left, /Ticked1/)
  const rest = await staff.get(outside)
  t.match(rest.body, '<input type="hidden" name="outside" value="yes">', 'nor are they among all who are found')
  const both = await staff.send(page, { patient: [one.id, two.id], who: 'ticked', do: 'invite' }, enrolment)
  t.match(
    await settled(both),
    /1 of 2 are enrolled and invited\. Not done: 1 Ticked1 .*: They are in the study already\. Whether each message was sent stands beside the names\./,
  )
  const report = (await staff.get(both.location ?? '')).body
  t.match(report, new RegExp(`<a href="/patients/${one.id}\\?back=[^"]*">Ticked1`), 'and leads to whom it was not done')
  t.match(await mailbox.next(), { to: 'ticked2@example.org', subject: 'An invitation to a study' })
})

t.test('whoever was ticked and is not there any more is not left out without a word', async t => {
  const [here, gone] = [await registered('Untouched'), await registered('Removed')]
  const { subject: over } = await enrolled('Departed')
  t.equal((await send(lab.manager, 'DELETE', `Patient/${gone.id}`)).statusCode, 204)
  const stored = JSON.parse((await send(lab.manager, 'GET', `ResearchSubject/${over}`)).body)
  await world.update(lab.manager, { ...stored, status: 'withdrawn' })
  const said = /Nothing was done for 1 of those whom you ticked: since you opened the page they were removed/
  const some = await staff.send(enrolment, { patient: [here.id, gone.id], who: 'ticked', do: 'enrol' })
  t.match(wordsOf(await staff.get(some.location ?? '')), said)
  t.match(await settled(some), /1 of 1 are enrolled\./)
  for (const none of [
    await staff.send(enrolment, { patient: gone.id, who: 'ticked', do: 'enrol' }),
    await staff.send(invitations, { subject: over, who: 'ticked', do: 'invite' }),
  ]) {
    const shown = wordsOf(await staff.get(none.location ?? ''))
    t.match(shown, said)
    t.notMatch(shown, /Nobody was ticked/)
  }
})

t.test(
  'somebody whose place is over by its period can be enrolled anew, and one whose place begins later cannot',
  async t => {
    const place = (patient: string, period: object) =>
      create('everything', {
        resourceType: 'ResearchSubject' as const,
        status: 'on-study' as const,
        period,
        study: { reference: `ResearchStudy/${study.id}` },
        individual: { reference: `Patient/${patient}` },
      })
    const [past, ahead, open] = [await registered('PeriodA'), await registered('PeriodB'), await registered('PeriodC')]
    await place(past.id, { start: '2025-01-01', end: '2026-01-01' })
    await place(ahead.id, { start: '2998-01-01', end: '2999-01-01' })
    await place(open.id, { start: '2025-01-01' })
    const page = `${enrolment}?name=period`
    t.match(
      wordsOf(await staff.get(page)),
      /PeriodA born 31 May 1970 PeriodB born 31 May 1970 Is in the study PeriodC born 31 May 1970 Is in the study/,
    )
    const outside = wordsOf(await staff.get(`${page}&outside=yes`))
    t.match(outside, /PeriodA born/)
    t.notMatch(outside, /PeriodB|PeriodC/)
    const all = await staff.send(page, { patient: [past.id, ahead.id, open.id], who: 'ticked', do: 'enrol' }, enrolment)
    const told = await settled(all)
    t.match(told, /1 of 3 are enrolled\. Not done: 2/)
    for (const name of ['PeriodB', 'PeriodC']) t.match(told, new RegExp(`${name} [^:]*: They are in the study already`))
    t.equal((await subjectsOf(past.id)).length, 2)
  },
)

t.test('if two people enrol somebody at the same moment, one does', async t => {
  const { id } = await registered('Twice')
  const colleague = await browserOf(await colleagueHere())
  const { number } = await database.one<{ number: number }>(
    sql.fragment`SELECT patient_id AS number FROM patient WHERE id = ${id}`,
  )
  const { enrolling } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('consent'), ${number})`)
    const form = { patient: id, who: 'ticked', do: 'enrol' }
    const enrolling = [staff, colleague].map(async by =>
      settled(await by.send(`${enrolment}?name=twice`, form, enrolment), by),
    )
    await someoneWaits(connection, enrolling.length)
    return { enrolling: Promise.all(enrolling) }
  })
  const told = (await enrolling).toSorted()
  t.match(told[0], /0 of 1 are enrolled\. Not done: 1 Twice [^:]*: They are in the study already\./)
  t.match(told[1], /1 of 1 are enrolled\./)
  t.equal((await subjectsOf(id)).length, 1)
})

t.test('somebody who was enrolled but could not be invited is listed, with the reason', async t => {
  const telecom = [{ system: 'email' as const, value: 'family@example.org' }]
  for (let count = 0; count < 7; count += 1) await registered(`Shared${count}`, { telecom })
  const done = await staff.send(`${enrolment}?name=shared`, { who: 'all', do: 'invite' }, enrolment)
  const said = /: Enrolled, but not invited: This address was written to five times within an hour/
  const told = await settled(done)
  t.match(told, /5 of 7 are enrolled and invited\. Not done: 2/)
  t.equal(told.match(new RegExp(said, 'g'))?.length, 2)
  const { count } = await database.one<{ count: number }>(sql.fragment`
    SELECT count(*)::integer AS count FROM enrolment
    WHERE patient IN (SELECT id FROM patient WHERE content #>> '{name,0,family}' LIKE 'Shared%')`)
  t.equal(count, 7)
  for (let letter = 0; letter < 5; letter += 1) t.equal((await mailbox.next()).to, 'family@example.org')
})

t.test('a form that does not say what is done, or to whom, as the page does, does nothing', async t => {
  const one = await registered('Unsaid')
  const { subject } = await enrolled('Unsaid2')
  const started = async () =>
    (await database.one<{ count: number }>(sql.fragment`SELECT count(*)::integer AS count FROM study_action`)).count
  const before = await started()
  for (const act of [undefined, 'invited', '', 'constructor', ['remind', 'cancel'], '<b>cancel</b>']) {
    const what = act === undefined ? {} : { do: act }
    const asked = { who: 'ticked', ...what }
    for (const [page, fields, accepted] of [
      [invitations, { subject }, 'invite , remind , cancel'],
      [enrolment, { patient: one.id }, 'enrol , invite'],
    ] as const) {
      const { status, body } = await staff.send(page, { ...asked, ...fields })
      const rule = Array.isArray(act) ? 'must be sent once, and as text.' : `must be one of: ${accepted} .`
      t.match([status, wordsOf({ body })], [400, `The field do ${rule}`], `${page}: ${act}`)
      t.notMatch(body, 'cancel</b>')
    }
  }
  for (const filter of [{ state: 'none-of-them' }, { invited: 'nobody' }]) {
    const { location = '' } = await staff.send(invitations, { who: 'all', do: 'cancel', ...filter })
    t.match(location, /&none=ticked$/)
    t.match(wordsOf(await staff.get(location)), /nothing was done/)
  }
  t.equal(await started(), before)
})

t.test('all who are found by a mobile number are enrolled, and nobody else', async t => {
  const telecom = [{ system: 'sms' as const, value: '+15005550123' }]
  const [called, other] = [await registered('Called', { telecom }), await registered('Uncalled')]
  const page = `${enrolment}?mobile=${encodeURIComponent('+1 500 555 0123')}`
  t.match(await settled(await staff.send(page, { who: 'all', do: 'enrol' }, enrolment)), /1 of 1/)
  t.equal((await subjectsOf(called.id)).length, 1)
  t.equal((await subjectsOf(other.id)).length, 0)
})

t.test('everybody who was found is enrolled, on all pages, and nobody twice', async t => {
  for (let count = 0; count < 22; count += 1) await registered(`Found${count}`)
  const page = `${enrolment}?name=found`
  const asked = await staff.send(page, { who: 'all', do: 'enrol' }, enrolment)
  t.match(
    wordsOf(asked),
    /Enrol 22 people\? Study Hearts &amp; steps They are all who are listed, on all pages\..* No messages are sent\./,
  )
  t.match(asked.body, `href="${enrolment}?name=found">Back to the list`)
  const next = /href="([^"]*page=[^"]*)">More patients/
    .exec((await staff.get(page)).body)?.[1]
    ?.replaceAll('&amp;', '&')
  const onNext = await staff.send(next ?? '', { who: 'all', do: 'enrol' }, enrolment)
  t.match(onNext.body.replaceAll('&amp;', '&'), `href="${next}">Back to the list`, 'to its page')
  const unticked = await staff.send(next ?? '', { who: 'ticked', do: 'enrol' }, enrolment)
  t.equal(unticked.location, `${next}&none=ticked`)
  await registered('Found22')
  const late = await staff.send(page, { who: 'all', do: 'enrol', sure: '22' }, enrolment)
  t.match(wordsOf(late), /Enrol 23 people\?/, 'the number that was confirmed is exceeded')
  const form = { who: 'all', do: 'enrol', sure: '23' }
  const [first, second] = await Promise.all([1, 2].map(() => staff.send(page, form, enrolment)))
  await settled(first as Shown)
  t.match(wordsOf(await staff.get(`${page}&outside=yes`)), /Nobody that you can see matches that/, 'nobody is left')
  await settled(second as Shown)
  const { count } = await database.one<{ count: number }>(sql.fragment`
    SELECT count(*)::integer AS count FROM enrolment
    WHERE patient IN (SELECT id FROM patient WHERE content #>> '{name,0,family}' LIKE 'Found%')`)
  t.equal(count, 23)
})

t.test('whoever chooses more people than a page shows is told how many they are, and asked once more', async t => {
  for (let count = 0; count < 21; count += 1) await enrolled(`Many${count}`)
  const page = `${invitations}?find=many`
  const actions = async () =>
    (await database.one<{ count: number }>(sql.fragment`SELECT count(*)::integer AS count FROM study_action`)).count
  const before = await actions()
  const said = {
    invite: /Invite 21 people\? .*Whoever has answered already is left out\. .* Invite 21 people Back to the list/,
    remind: /Remind 21 people\? .*had one within three days, is left out\. .* Remind 21 people Back to the list/,
    cancel: /Cancel the invitations of 21 people\? .*stop working at once\. Cancel the invitations of 21 people Back/,
  }
  for (const [act, text] of Object.entries(said)) {
    const asked = await staff.send(page, { who: 'all', way: 'email', do: act }, invitations)
    t.match(asked, { status: 200 })
    t.match(wordsOf(asked), text)
    t.match(asked.body, `href="${page}">Back to the list`)
    for (const [name, value] of Object.entries({ find: 'many', way: 'email', do: act, who: 'all', sure: '21' }))
      t.match(asked.body, `<input type="hidden" name="${name}" value="${value}">`)
  }
  t.equal(await actions(), before, 'nothing is done yet')
  const onNext = await staff.send(`${page}&page=2`, { who: 'all', do: 'remind' }, invitations)
  t.match(onNext.body.replaceAll('&amp;', '&'), `href="${page}&page=2">Back to the list`)
  const sure = await staff.send(page, { who: 'all', do: 'cancel', sure: '21' }, invitations)
  t.match(await settled(sure), /21 of 21 no longer have an open invitation/)
})

t.test('what is under way is stopped: what is done stays done, and the rest is not begun', async t => {
  for (let count = 0; count < 12; count += 1) await enrolled(`Stopped${count}`)
  const colleague = await browserOf(await colleagueHere())
  const begun = async () =>
    (
      await database.one<{ count: number }>(sql.fragment`
      SELECT count(*)::integer AS count FROM study_action_item JOIN study_action ON id = action
      WHERE begun AND ended_at IS NULL`)
    ).count
  const { location = '' } = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE invitation IN EXCLUSIVE MODE`)
    const started = await staff.send(`${invitations}?find=stopped`, { who: 'all', do: 'invite' }, invitations)
    while ((await begun()) < 4) await new Promise(resolve => setTimeout(resolve, 20))
    t.match(wordsOf(await staff.get(started.location ?? '')), /Done: 0 of 12 \. .* Stop What is done already stays/)
    for (const page of [invitations, `/studies/${study.id}`]) {
      const { body } = await staff.get(page)
      t.match(body, `Inviting: 0 of 12 are done. <a href="${started.location}">See how far it is</a>`, page)
      t.notMatch((await colleague.get(page)).body, /See how far/, 'their own')
    }
    const stopped = await staff.send(started.location ?? '', {}, `${started.location}/stop`)
    t.match(stopped, { status: 303, location: started.location })
    return { location: started.location }
  })
  const told = await settled({ location } as Shown)
  t.notMatch((await staff.get(invitations)).body, /See how far/, 'it is over')
  t.match(told, /4 of 12 are invited\. Not done: 8 .*: It was stopped before their turn came\./)
  for (let letter = 0; letter < 4; letter += 1) await mailbox.next()
})

t.test('people of a study are listed by the state of their invitation, and invited in the chosen way', async t => {
  await enrolled('Way', {
    telecom: [
      { system: 'email', value: 'way@example.org' },
      { system: 'phone', use: 'mobile', value: '+15005550001' },
    ],
  })
  const page = `${invitations}?find=way`
  t.match(
    wordsOf(await staff.get(page)),
    /How to send messages Whoever has only an e-mail address, or only a mobile number, gets what is sent to both there alone\. What was sent stands beside each name\./,
  )
  t.match(
    wordsOf(await staff.get(`${page}&invited=not-invited`)),
    /Way Has not answered yet\. Not invited yet\. .* The one who is listed/,
  )
  t.match(
    await settled(await staff.send(page, { who: 'all', way: 'both', do: 'invite' }, invitations)),
    /1 of 1 are invited/,
  )
  const letter = await mailbox.next()
  t.equal(letter.to, 'way@example.org')
  t.equal((await gateway.nextMessage()).to, '+15005550001')
  t.match(
    wordsOf(await staff.get(`${page}&invited=open`)),
    /Way Has not answered yet\. Invited .* The text message was sent.* The e-mail was sent/,
  )
  t.match(wordsOf(await staff.get(`${page}&invited=not-invited`)), /Nobody in the study matches that/)
  t.match(
    await settled(await staff.send(page, { who: 'all', do: 'cancel' }, invitations)),
    /1 of 1 no longer have an open invitation/,
  )
  t.match(wordsOf(await staff.get(`${page}&invited=over`)), /Way Has not answered yet\. Invited .* It was cancelled/)
  t.equal((await browser().get(linkIn(letter))).status, 410)
  t.match(await settled(await staff.send(page, { who: 'all', way: 'sms', do: 'invite' }, invitations)), /1 of 1/)
  t.equal((await gateway.nextMessage()).to, '+15005550001')
})

t.test('people are listed by when they were invited or their invitation ends, also after a form was sent', async t => {
  for (const name of ['Orda', 'Ordb', 'Ordc']) await enrolled(name)
  const page = `${invitations}?find=ord`
  for (const name of ['orda', 'ordb']) {
    await settled(await staff.send(`${invitations}?find=${name}`, { who: 'all', do: 'invite' }, invitations))
    await mailbox.next()
  }
  const named = async (sort: string) =>
    [...wordsOf(await staff.get(`${page}&sort=${sort}`)).matchAll(/Ord[abc](?= Has not)/g)].map(([name]) => name)
  t.same(await named(''), ['Orda', 'Ordb', 'Ordc'])
  t.same(await named('invited'), ['Ordb', 'Orda', 'Ordc'])
  t.same(await named('expiry'), ['Orda', 'Ordb', 'Ordc'])
  await settled(await staff.send(`${invitations}?find=orda`, { who: 'all', do: 'cancel' }, invitations))
  t.same(await named('expiry'), ['Ordb', 'Ordc', 'Orda'], 'what has ended does not end any more')
  t.same(await named('invited'), ['Ordb', 'Orda', 'Ordc'])
  t.same(await named('enrolment'), ['Ordc', 'Ordb', 'Orda'])
  const unticked = await staff.send(`${page}&sort=invited`, { who: 'ticked', do: 'invite' }, invitations)
  t.equal(unticked.location, `${invitations}?find=ord&sort=invited&none=ticked`)
  const about = `/studies/${study.id}?sort=invited`
  t.match((await staff.get(about)).body, 'id="sort-problem">There is no such order.', 'only where people are invited')
})

t.test(
  'somebody who has not answered is reminded with a link like the one before, and not again within three days',
  async t => {
    const { subject } = await enrolled('Slow')
    const first = await world.invite(subject)
    const page = `${invitations}?state=none&find=slow`
    const remind = async () => settled(await staff.send(page, { who: 'all', do: 'remind' }, invitations))
    t.match(await remind(), /1 of 1 are reminded/)
    const letter = await mailbox.next()
    t.match(letter, { to: 'slow@example.org', subject: 'Your invitation to a study is waiting for you' })
    for (const link of [first, linkIn(letter)]) t.equal((await browser().get(link)).status, 200)
    const again = await staff.send(page, { who: 'all', do: 'remind' }, invitations)
    t.match(
      await settled(again),
      /0 of 1 are reminded\. Not done: 1 Slow : They were reminded within the last 3 days\./,
    )
    const inVain = (await staff.get(again.location ?? '')).body
    t.match(inVain, /<title>Problem: Reminding.*role="alert"[^>]*><p>0 of 1/s, 'this is not shown as a success')
    await database.run(
      sql.fragment`UPDATE study_message SET made_at = made_at - interval '4 days', ended_at = ended_at - interval '4 days'
        WHERE subject = ${subject}`,
    )
    t.match(await remind(), /1 of 1/)
    await mailbox.next()
    t.match(wordsOf(await staff.get(page)), /The reminder by e-mail was sent/)
  },
)

t.test('somebody who used the invitation without answering is reminded, and somebody who declined is not', async t => {
  const one = await arrived('Arrived')
  const page = `${invitations}?find=arrived`
  t.match(await settled(await staff.send(page, { who: 'all', do: 'remind' }, invitations)), /1 of 1 are reminded/)
  const letter = await mailbox.next()
  t.match(letter, { subject: 'A study is waiting for your answer', text: /http:\/\/localhost:8080\/sharing\n/ })
  await database.run(sql.fragment`DELETE FROM study_message WHERE subject = ${one.subject} AND kind = 'reminder'`)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await one.browser.get(`/sharing/${study.id}`)).body)?.[1] ?? ''
  t.equal((await one.browser.post(`/sharing/${study.id}/decline`, { _csrf })).status, 303)
  t.match(
    await settled(await staff.send(page, { who: 'all', do: 'remind' }, invitations)),
    /They have answered, and there is nothing to remind them of/,
  )
  t.match(
    await settled(await staff.send(page, { who: 'all', do: 'invite' }, invitations)),
    /0 of 1 are invited\. Not done: 1 Arrived : They have answered: to ask them anew, press Invite beside their name/,
  )
  t.match(await staff.send(`/studies/${study.id}`, {}, `/studies/${study.id}/people/${one.subject}/invite`), {
    status: 303,
  })
  t.match(await mailbox.next(), { to: 'arrived@example.org' }, 'this is possible')
})

t.test('a button that is pressed twice invites once: the first letter would lead nowhere', async t => {
  const one = await arrived('Pressed')
  const page = `/studies/${study.id}?find=pressed`
  const invite = `/studies/${study.id}/people/${one.subject}/invite?find=pressed`
  const after = /name="after" value="([^"]*)"/.exec((await staff.get(page)).body)?.[1] ?? ''
  const lettersOf = async () =>
    (
      await database.any(sql.fragment`
        SELECT FROM study_message WHERE subject = ${one.subject} AND kind = 'invitation'`)
    ).length
  const before = await lettersOf()
  const answers = await Promise.all([1, 2, 3].map(() => staff.send(page, { after }, invite)))
  for (const answer of answers) t.match(answer, { status: 303 })
  t.equal(await lettersOf(), before + 1)
  await mailbox.next()
  for (let count = 0; count < 5; count += 1) t.match(await staff.send(page, { after }, invite), { status: 303 })
  t.equal(await lettersOf(), before + 1, 'what sends nothing is no letter, and is not counted as one')
  const now = /name="after" value="([^"]*)"/.exec((await staff.get(page)).body)?.[1] ?? ''
  t.match(await staff.send(page, { after: now }, invite), { status: 303 })
  t.equal(await lettersOf(), before + 2, 'whoever sees that one was sent may send another')
  await mailbox.next()
})

/** Gives the study steps under the first text. */
const share = async (patient: string) => {
  const bearer = await patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const consent = await create(bearer, answerOf(world, patient))
  return { bearer, consent }
}

t.test('somebody who shares and sends nothing is reminded to send', async t => {
  const { patient } = await enrolled('Silent')
  await share(patient.id)
  t.match(
    await settled(
      await staff.send(`${invitations}?state=silent&find=silent`, { who: 'all', do: 'remind' }, invitations),
    ),
    /1 of 1 are reminded/,
  )
  t.match(await mailbox.next(), { to: 'silent@example.org', subject: 'No data has come from you for a while' })
})

t.test('somebody who has said no through an app is not reminded of their open invitation', async t => {
  const { subject, patient } = await enrolled('Direct')
  await world.invite(subject)
  const { bearer, consent } = await share(patient.id)
  await update(bearer, { ...consent, status: 'inactive' })
  t.match(
    await settled(await staff.send(`${invitations}?find=direct`, { who: 'all', do: 'remind' }, invitations)),
    /0 of 1 are reminded\. Not done: 1 Direct : They have answered, and there is nothing to remind them of/,
  )
})

t.test('nobody is reminded of an invitation while the study takes nobody new', async t => {
  const { subject } = await enrolled('Waits')
  await world.invite(subject)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update('everything', { ...stored, status: 'closed-to-accrual' })
  t.match(
    await settled(await staff.send(`${invitations}?find=waits`, { who: 'all', do: 'remind' }, invitations)),
    /0 of 1 are reminded\. Not done: 1 Waits : Nobody new comes into the study/,
  )
  await update('everything', stored)
})

t.test('a reminder that waited is sent to somebody who still has to be reminded, and to nobody else', async t => {
  const reminded = async (name: string) => {
    const { patient, subject } = await enrolled(name)
    const { bearer, consent } = await share(patient.id)
    await database.run(sql.fragment`
      UPDATE consent SET last_updated = now() - interval '5 days' WHERE content ->> 'id' = ${consent.id}`)
    return { subject, bearer, consent, message: await remind(name) }
  }
  const askedFor = async (name: string) =>
    settled(await staff.send(`${invitations}?find=${name}`, { who: 'all', do: 'remind' }, invitations))
  /** Answers the id of the reminder. */
  const remind = async (name: string): Promise<string> => {
    t.match(await askedFor(name), /1 of 1 are reminded/)
    await mailbox.next()
    return (await database.one<{ id: string }>(sql.fragment`SELECT max(id) AS id FROM study_message`)).id
  }
  const letters: unknown[] = []
  const read = async (type: string) => ({ content: JSON.stringify(type === 'ResearchStudy' ? study : {}) })
  const parts = {
    database,
    accounts: { openStoreAs: () => ({ read }) as unknown as Store, address: () => 'https://x.example' },
    channels: { email: { deliver: async (letter: unknown) => void letters.push(letter), sendNow: async () => true } },
  }
  /** What becomes of the reminder if it could not be sent until so much later. */
  const sentAfter = async (waited: string, { message: id }: { readonly message: string }) => {
    await database.run(sql.fragment`
      UPDATE study_message SET state = 'waiting', ended_at = NULL, made_at = now() - ${waited}::interval WHERE id = ${id}`)
    await sendMessage(parts, id, { isLast: () => true, sent: new Set() })
    return (await database.one<object>(
      sql.fragment`SELECT state, reason FROM study_message WHERE id = ${id}`,
    )) as object
  }
  const nothing = {
    state: 'failed',
    reason: 'There was nothing more to say: what it was about had ended, was answered, or is long ago',
  }
  const [still, ended, deleted] = [await reminded('Still'), await reminded('Ended'), await reminded('Deleted')]
  await update(ended.bearer, { ...ended.consent, status: 'inactive' })
  const headers = { authorization: `Bearer ${deleted.bearer}` }
  await world.server.inject({ method: 'DELETE', url: `/fhir/Consent/${deleted.consent.id}`, headers })
  t.strictSame(await sentAfter('1 hour', ended), nothing, 'they have stopped sharing meanwhile')
  t.strictSame(await sentAfter('1 hour', deleted), nothing, 'also by deleting their consent')
  t.strictSame(await sentAfter('4 days', still), nothing, 'by then staff may have written the next one')
  t.strictSame(letters, [])
  t.strictSame(await sentAfter('2 days', still), { state: 'sent', reason: null })
  t.match(letters, [{ to: 'still@example.org' }])
  await database.run(sql.fragment`
    UPDATE study_message SET made_at = now() - interval '4 days' WHERE subject = ${still.subject}`)
  t.match(
    await askedFor('Still'),
    /0 of 1 are reminded\. Not done: 1 Still : They were reminded within the last 3 days\./,
    'the days count from when it was sent',
  )
  const again = await reminded('Redone')
  await database.run(sql.fragment`
    UPDATE study_message SET state = 'failed', made_at = now() - interval '1 hour' WHERE id = ${again.message}`)
  await remind('Redone')
  t.strictSame(await sentAfter('1 hour', again), nothing, 'one that failed, and was followed by another')
  const told = wordsOf(await staff.get(`${invitations}?find=redone`))
  t.match(told, /The reminder to send data, by e-mail failed\. Tried once\. There was nothing more to say: /)
  t.notMatch(told, /Check the e-mail address/)
})

t.test('nobody counts as silent in a study that is over, or is reminded to send; in a paused one they are', async t => {
  const { patient } = await enrolled('Mute')
  await share(patient.id)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const listed = async () => wordsOf(await staff.get(`${invitations}?state=silent&find=mute`))
  const remind = async () =>
    settled(await staff.send(`${invitations}?find=mute`, { who: 'all', do: 'remind' }, invitations))
  for (const over of [{ status: 'completed' }, { period: { end: '2026-01-01' } }]) {
    await update('everything', { ...stored, ...over })
    t.match(await listed(), /Nobody in the study matches that/)
    t.match(
      await remind(),
      /0 of 1 are reminded\. Not done: 1 Mute : They have answered, and there is nothing to remind/,
    )
  }
  await update('everything', { ...stored, status: 'temporarily-closed-to-accrual' })
  t.match(await listed(), /They share, but nothing of theirs comes\./)
  t.match(await remind(), /1 of 1 are reminded/)
  t.match(await mailbox.next(), { to: 'mute@example.org', subject: 'No data has come from you for a while' })
  await update('everything', stored)
})

t.test(
  'nobody is enrolled in a study that takes nobody new any more: it is not offered, and told to whoever sends the form late',
  async t => {
    const { id } = await registered('Tardy')
    const page = `/studies/${study.id}`
    const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
    const form = /name="_csrf" value="([^"]*)"/.exec((await staff.get(`${enrolment}?name=tardy`)).body)
    const paper = { url: extensions.paperConsent, valueBoolean: true }
    const on = (change: object) => update('everything', { ...stored, ...change })
    for (const [over, why] of [
      [{ status: 'completed' }, 'its status is “Completed”'],
      [{ status: 'withdrawn' }, 'its status is “Withdrawn”'],
      [{ status: 'closed-to-accrual' }, 'its status is “Closed to new patients”'],
      [{ period: { end: '2026-01-01' } }, 'its last day was 1 January 2026 (UTC)'],
    ] as const) {
      await on(over)
      const shown = await staff.get(page)
      t.match(wordsOf(shown), `Nobody can be enrolled now: ${why}. Manage invitations`)
      t.notMatch(shown.body, enrolment)
      t.notMatch((await staff.get(`/patients/${id}`)).body, enrolment)
      t.match(await staff.get(enrolment), { status: 200, body: `Nobody can be enrolled now: ${why}.</p>` })
      const late = await staff.post(enrolment, { _csrf: form?.[1] ?? '', patient: id, who: 'ticked', do: 'enrol' })
      t.match([late.status, wordsOf(late)], [409, `Nobody can be enrolled now: ${why}. Nothing was done.`])
    }
    t.same(await subjectsOf(id), [])
    for (const open of [
      { status: 'in-review' },
      { status: 'temporarily-closed-to-accrual' },
      { period: { start: '2999-01-01' } },
      { status: 'closed-to-accrual', extension: [...stored.extension, paper] },
    ]) {
      await on(open)
      t.match(
        (await staff.get(page)).body,
        enrolment,
        `${JSON.stringify(open).slice(0, 60)}: to come, paused, or for who signed on paper before`,
      )
    }
    await update('everything', stored)
  },
)

t.test('somebody who signed an earlier text is reminded of the new one', async t => {
  const { patient } = await enrolled('Former')
  await share(patient.id)
  const page = `${invitations}?find=former`
  const remind = async () => settled(await staff.send(page, { who: 'all', do: 'remind' }, invitations))
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  await update('everything', { ...stored, extension: [...stored.extension, world.text('2')] })
  t.match(await remind(), /1 of 1 are reminded/)
  const letter = await mailbox.next()
  t.match(letter, { to: 'former@example.org', subject: 'The text of a study has changed' })
  t.match(letter.text, /nothing more is shared unless you sign the new text/)
  t.match(letter.text, /http:\/\/localhost:8080\/sharing\n/)
  t.match(wordsOf(await staff.get(page)), /The reminder of the new text, by e-mail was sent/)
})

t.test('an action on many is shown to nobody else, and people who may not enrol do not find these pages', async t => {
  const one = await registered('Own')
  const { location = '' } = await staff.send(
    `${enrolment}?name=own`,
    { patient: one.id, who: 'ticked', do: 'enrol' },
    enrolment,
  )
  const other = await browserOf((await create('everything', { resourceType: 'Person', name: [{ text: 'Other' }] })).id)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await other.get('/account')).body)?.[1] ?? ''
  for (const page of [location, enrolment, invitations]) t.equal((await other.get(page)).status, 404, page)
  for (const page of [enrolment, invitations])
    t.equal((await other.post(page, { _csrf, who: 'all', do: 'invite' })).status, 404, page)
  t.equal((await other.post(`${location}/stop`, { _csrf })).status, 404, 'nor do they stop it')
})
