import t from 'tap'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { isTo, linkIn } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { consent } from '../../support/study.ts'
import { studyAnew } from '../../support/study-anew.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { birthDate, openInvited, password } from '../invited.ts'

const world = await openInvited()
const { act, arrived, browser, browserOf, codeIn, create, database, enrolled, invite, lab, mailbox, page, prove } =
  world
const { send, staff, study, update } = world
t.teardown(world.close)
t.setTimeout(280_000)

const hidden = (body: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
const tokenOf = async (by: typeof staff, on = '/account'): Promise<string> =>
  /name="_csrf" value="([^"]*)"/.exec((await by.get(on)).body)?.[1] ?? ''
const over = /This invitation no longer works/
const told = async (by = staff) => wordsOf(await by.get(page))
/** Resolves once it is recorded as sent, which may be after the letter has arrived. */
const tells = async (what: RegExp, tell = told): Promise<string> => {
  for (;;) {
    const words = await tell()
    if (what.test(words)) return words
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}
const linksOf = async (person: string) => {
  const { link = [] } = (await send('everything', 'GET', `Person/${person}`)).json()
  return link.map(({ target }: { target: { reference: string } }) => target.reference)
}
const personOf = async (email: string) =>
  (await database.one<{ person: string }>(sql.fragment`SELECT person FROM user_account WHERE email = ${email}`)).person

t.test(
  'staff invite; with the letter, a code and their birth date the patient gets to an account of their own',
  async t => {
    const { subject, patient, email } = await enrolled('Ana')
    t.match(await told(), /Ana Has not answered yet\. You see no data of theirs\. Not invited yet\. Invite/)
    const invited = await act(subject, 'invite')
    t.match(invited, { status: 303, location: `${page}?done=invited&subject=${subject}` })
    t.match(
      wordsOf(await staff.get(invited.location ?? '')),
      /The patient is invited\. .* Patient Ana, born 31 May 1970/,
    )
    const letter = await mailbox.next(isTo(email))
    t.match(letter, { to: email, subject: 'An invitation to a study' })
    t.match(letter.text, /lab invites you to a study/)
    const { days } = await database.one<{ days: number }>(sql.fragment`
      SELECT extract(day FROM expires_at - made_at)::integer AS days FROM invitation WHERE subject = ${subject}`)
    t.equal(days, 7)
    t.notMatch(letter.text, /Hearts/, 'an e-mail does not say what the study is about')
    const link = letter.text.match(/http\S+/)?.[0]?.replace('http://localhost:8080', '') ?? ''
    t.match(
      await tells(/The e-mail was sent/),
      /open until .* The e-mail was sent: .* Invite again Show a QR code Cancel the invitation/,
    )

    const own = browser()
    const first = await own.get(link)
    t.match(wordsOf(first), /^Skip to the content Sharewell You are invited to a study/)
    t.notMatch(first.body, /Hearts|Ana/, 'nothing is told before')
    t.has(await own.send(link, {}, '/invitation/code'), { status: 303, location: `${link}&sent=` })
    const code = await codeIn()
    const wrong = await own.send(`${link}&sent=`, { birthDate: '1970-05-30', code }, '/invitation')
    t.match([wrong.status, wordsOf(wrong)], [422, /The birth date or the code is not right/])
    t.match(wrong.body, `data-page="${link}&amp;sent="`, 'whoever goes back to it later comes to the page of this link')
    const slashed = birthDate.replaceAll('-0', '/').replaceAll('-', '/')
    const proven = await own.send(`${link}&sent=`, { birthDate: slashed, code }, '/invitation')
    t.has(proven, { status: 303, location: '/invitation/account' })
    for (let times = 0; times < 6; times += 1)
      t.has(
        await own.send(`${link}&sent=`, { birthDate, code }, '/invitation'),
        { status: 303, location: '/invitation/account' },
        'who goes back and sends it again goes on, and has tried nothing',
      )
    const asked = await own.get('/invitation/account')
    t.match(
      wordsOf(asked),
      /You have half an hour for this from when you entered the code\..* You will sign in with ana@example\.org\./,
    )
    t.match(asked.body, '<input type="email" autocomplete="username" value="ana@example.org" readonly hidden>')
    const short = await own.send('/invitation/account', { name: '', password: 'short' })
    t.match([short.status, wordsOf(short)], [422, /Enter your name.*Choose a password of at least 12 characters/])
    t.match(await own.send('/invitation/account', { name: 'Ana Castillo', password }), {
      status: 303,
      location: `/sharing/${study.id}`,
    })
    const going = { status: 303, location: `/sharing/${study.id}` }
    t.match(await own.get('/invitation/account'), going, 'going back does not say that it is over')
    const pressed = { _csrf: await tokenOf(own), name: 'Ana Castillo', password }
    t.match(await own.post('/invitation/account', pressed), going, 'nor does pressing twice')
    const other = await browserOf(world.researcher)
    other.cookies.set('sharewell-invitation', own.cookies.get('sharewell-invitation') ?? '')
    t.match(await other.get('/invitation/account'), { status: 410, body: over }, 'but others are told so')
    t.same(await linksOf(await personOf(email)), [`Patient/${patient.id}`])
    const confirmed = sql.fragment`SELECT FROM user_account WHERE email = ${email} AND verified_at IS NOT NULL`
    t.equal((await database.any(confirmed)).length, 1, 'the code shows that they read the mail')
    t.match(wordsOf(await own.get(`/sharing/${study.id}`)), /Hearts &amp; steps lab asks you to share data/)
    t.match(await told(), /Invited .* The patient has used it\./)
    t.match(await browser().get(link), { status: 410, body: over }, 'the link is used up')
  },
)

t.test('an existing account can take the invitation, and records of one human become one', async t => {
  const first = await arrived('Twice')
  const second = await enrolled('Twice2', { telecom: [{ system: 'email', value: first.email }] })
  const person = await personOf(first.email)
  const own = (await prove(await invite(second.subject))).browser
  t.match(
    wordsOf(await own.get('/invitation/account')),
    /There is an account with twice@example\.org already\. If it is yours, sign in with it\. Sign in/,
  )
  const signedIn = await own.send('/sign-in?continue=/invitation/account', { email: first.email, password }, '/sign-in')
  t.equal(signedIn.location, '/invitation/account')
  t.match(wordsOf(await own.get('/invitation/account')), /You are signed in as Twice \(twice@example\.org\)/)
  t.equal((await own.send('/invitation/account', {})).status, 303)
  t.same(await linksOf(person), [`Patient/${first.patient.id}`, `Patient/${second.patient.id}`])
  const { compartments } = await database.one<{ compartments: number }>(sql.fragment`
    SELECT count(DISTINCT patient_id)::integer AS compartments FROM patient_compartment
    WHERE id IN (${first.patient.id}, ${second.patient.id})`)
  t.equal(compartments, 1)
})

const heartRate = 'omh:heart-rate'
const reading = (patient: string) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: '2026-01-02T10:00:00Z',
    valueQuantity: { value: 70, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
const readBy = async (token: string) =>
  ((await send(token, 'GET', 'Observation')).json().entry ?? []).map(
    ({ resource }: { resource: { id: string } }) => resource.id,
  )
const born = '1950-01-02'

t.test('two records that both share with one study are not joined by an invitation, which remains open', async t => {
  const [first, second] = [await arrived('Shares'), await enrolled('Shares2')]
  const given = await world.addStudy(lab.manager, lab.organization, 'Both', [heartRate])
  const share = async (patient: string) => {
    await world.enrol(patient, given.id)
    const signed = consent(patient, given.id, lab.organization, [heartRate])
    return { ...signed, ...(await create('everything', signed)) }
  }
  const [, other] = [await share(first.patient.id), await share(second.patient.id)]
  const person = await personOf(first.email)
  const { browser: own } = await prove(await invite(second.subject), first.browser)
  const refused = await own.send('/invitation/account', {})
  t.match(
    [refused.status, wordsOf(refused)],
    [
      409,
      /This account and the record of your invitation have each given an answer to the same study.* Both Ask whoever/,
    ],
  )
  t.match(refused.body, `<li><a href="/sharing/${given.id}">Both</a></li>`)
  t.same(await linksOf(person), [`Patient/${first.patient.id}`])
  await update('everything', { ...other, status: 'inactive' })
  t.has(await own.send('/invitation/account', {}), { status: 303, location: `/sharing/${study.id}` })
  t.same(await linksOf(person), [`Patient/${first.patient.id}`, `Patient/${second.patient.id}`])
})

t.test('somebody who shares an e-mail address with another person gets an account of their own', async t => {
  const pablo = await arrived('Pablo')
  const given = await world.addStudy(lab.manager, lab.organization, 'Given', [heartRate])
  await world.enrol(pablo.patient.id, given.id)
  const signed = consent(pablo.patient.id, given.id, lab.organization, [heartRate])
  await create(await world.patientToken(pablo.patient.id, 'patient/Consent.cruds'), signed)

  const other = await world.addStudy(lab.manager, lab.organization, 'Other', [heartRate])
  const telecom = [{ system: 'email', value: pablo.email }]
  const father = await enrolled('Father', { birthDate: born, telecom }, other.id)
  await staff.send(`/studies/${other.id}`, {}, `/studies/${other.id}/people/${father.subject}/invite`)
  const link = linkIn(await mailbox.next(isTo(pablo.email)))
  const { browser: own } = await prove(link, browser(), born)
  t.match(
    wordsOf(await own.get('/invitation/account')),
    /There is an account with pablo@example\.org already\. If it is yours, sign in with it\. Sign in An account of your own If that account is somebody else’s, because you share the address, make one of your own with another e-mail address\./,
  )

  await own.send('/sign-in?continue=/invitation/account', { email: pablo.email, password }, '/sign-in')
  const shown = await own.get('/invitation/account')
  const refusal =
    /Problem: Your account – Sharewell.*This account belongs to somebody with another birth date.*You are signed in as Pablo \(pablo@example\.org\).*Ask whoever invited you, now or before, to put it right/s
  t.match(shown.body, refusal)
  t.notMatch(shown.body, /name="person"|1970|1950/, 'nobody is offered the other account, or told a birth date')
  const [_csrf, invitation] = [hidden(shown.body, '_csrf'), hidden(shown.body, 'invitation')]
  const person = await personOf(pablo.email)
  t.match(await own.post('/invitation/account', { _csrf, invitation, person }), { status: 409, body: refusal })
  t.same(await linksOf(person), [`Patient/${pablo.patient.id}`])
  t.equal((await browser().get(link)).status, 200, 'the invitation is still open')

  for (const [email, problem] of [
    ['', /Enter an e-mail address, such as ana@example\.org/],
    [' Pablo@Example.org ', /There is an account with this address already/],
  ] as const) {
    const refused = await own.send('/invitation/account', { name: 'Father', email, password })
    t.match([refused.status, wordsOf(refused)], [422, problem])
    t.match(refused.body, 'value="Father"', 'what was typed is kept')
  }
  const made = await own.send('/invitation/account', { name: 'Father', email: 'father@example.com', password })
  t.has(made, { status: 303, location: `/sharing/${other.id}` })
  t.match(
    await mailbox.next(isTo('father@example.com')),
    { subject: /Confirm/ },
    'whoever chose it is asked to confirm it',
  )
  t.same(await linksOf(await personOf('father@example.com')), [`Patient/${father.patient.id}`])

  const [ofPablo] = [await reading(pablo.patient.id), await reading(father.patient.id)]
  const staffToken = await world.staffToken(given.researcher, 'user/Observation.rs')
  t.same(await readBy(staffToken), [ofPablo.id], 'what one has signed shows nothing of the other')
  const app = await world.token({ subject: { kind: 'user', person }, scope: 'patient/Observation.rs' })
  t.same(await readBy(app), [ofPablo.id], 'nor does an app of theirs')
})

t.test('if two people bring invitations to one account at once, one gets in', async t => {
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Both' }] })
  const people = [await enrolled('One'), await enrolled('Two', { birthDate: born })] as const
  const own = await browserOf(person)
  const proofs: string[] = []
  for (const { subject, patient } of people) {
    await prove(await invite(subject), own, patient.birthDate)
    proofs.push(own.cookies.get('sharewell-invitation') ?? '')
  }
  const racers = await Promise.all(
    proofs.map(async proof => {
      const racer = await browserOf(person)
      racer.cookies.set('sharewell-invitation', proof)
      const { body } = await racer.get('/invitation/account')
      return { racer, fields: { _csrf: hidden(body, '_csrf'), invitation: hidden(body, 'invitation'), person } }
    }),
  )
  const answers = await Promise.all(
    racers.map(async ({ racer, fields }) => (await racer.post('/invitation/account', fields)).status),
  )
  t.same(answers.toSorted(), [303, 409])
  t.equal((await linksOf(person)).length, 1)
})

t.test('somebody without an account gets one of their own even if somebody else is signed in', async t => {
  const { subject, patient, email } = await enrolled('Newcomer')
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Staff' }] })
  const { browser: shared } = await prove(await invite(subject), await browserOf(person))
  t.match(
    wordsOf(await shared.get('/invitation/account')),
    /You are signed in as Staff .*Is this you\? .* An account of your own If you are somebody else and have no account/,
  )
  const { body } = await shared.get('/invitation/account')
  const fields = { _csrf: hidden(body, '_csrf'), invitation: hidden(body, 'invitation') }
  const short = await shared.post('/invitation/account', { ...fields, name: 'Newcomer', password: 'short' })
  t.match([short.status, short.body], [422, 'value="Newcomer"'])
  t.match(await shared.post('/invitation/account', { ...fields, name: 'Newcomer', password }), { status: 303 })
  t.same(await linksOf(await personOf(email)), [`Patient/${patient.id}`])
  t.same(await linksOf(person), [])
  t.match(wordsOf(await shared.get('/account')), new RegExp(email), 'they are signed in instead')
})

t.test('the pages of an invitation continue even if somebody else signed in with the same browser since', async t => {
  const { subject, patient } = await enrolled('Shared')
  const link = await invite(subject)
  const [first, second] = [
    await create('everything', { resourceType: 'Person', name: [{ text: 'First there' }] }),
    await create('everything', { resourceType: 'Person', name: [{ text: 'Then there' }] }),
  ]
  const own = await browserOf(first.id)
  const _csrf = hidden((await own.get(link)).body, '_csrf')
  const later = await browserOf(second.id)
  own.cookies.set('sharewell-session', later.cookies.get('sharewell-session') ?? '')
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  t.has(await own.post('/invitation/code', { _csrf, link: secret }), { status: 303, location: `${link}&sent=` })
  const shown = await own.post('/invitation', { _csrf, link: secret, birthDate, code: await codeIn() })
  t.has(shown, { status: 303, location: '/invitation/account' })
  const agreed = { _csrf, invitation: hidden((await own.get('/invitation/account')).body, 'invitation') }
  const refused = await own.post('/invitation/account', { ...agreed, person: first.id })
  t.match(
    [refused.status, wordsOf(refused)],
    [200, /You are signed in as Then there/],
    'whoever is signed in now is asked',
  )
  for (const { id } of [first, second]) t.same(await linksOf(id), [])
  t.match(await own.post('/invitation/account', { ...agreed, person: second.id }), { status: 303 })
  t.same(await linksOf(second.id), [`Patient/${patient.id}`])
})

t.test('a page that was opened for one invitation does not accept another one', async t => {
  const [first, second] = [await enrolled('First'), await enrolled('Second')]
  const { browser: own } = await prove(await invite(first.subject))
  const { body } = await own.get('/invitation/account')
  t.match(body, first.email)
  await prove(await invite(second.subject), own)
  const fields = { _csrf: hidden(body, '_csrf'), invitation: hidden(body, 'invitation'), name: 'First', password }
  const refused = await own.post('/invitation/account', fields)
  t.match([refused.status, wordsOf(refused)], [409, /another invitation was opened in this browser\. Nothing was done/])
  t.match(refused.body, second.email, 'the page says which one it is about now')
  const people = sql.fragment`SELECT FROM user_account WHERE email IN (${first.email}, ${second.email})`
  t.equal((await database.any(people)).length, 0)

  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'First' }] })
  const known = (await prove(await invite(first.subject), await browserOf(person))).browser
  const shown = await known.get('/invitation/account')
  await prove(await invite(second.subject), known)
  const agreed = { _csrf: hidden(shown.body, '_csrf'), invitation: hidden(shown.body, 'invitation'), person }
  t.match(await known.post('/invitation/account', agreed), { status: 409, body: /another invitation was opened/ })
  t.same(await linksOf(person), [])
  t.match(await known.send('/invitation/account', {}), { status: 303 }, 'what it says then can be done')
  t.same(await linksOf(person), [`Patient/${second.patient.id}`])
})

t.test('a record that belongs to one account cannot be taken by another', async t => {
  const { subject, patient, email } = await arrived('Owner')
  const thief = await create('everything', { resourceType: 'Person', name: [{ text: 'Thief' }] })
  const own = (await prove(await invite(subject), await browserOf(thief.id))).browser
  const refused = await own.send('/invitation/account', {})
  t.match([refused.status, wordsOf(refused)], [409, /Your record belongs to another account already/])
  t.same(await linksOf(thief.id), [])
  const stranger = (await prove(await invite(subject))).browser
  const typed = { name: 'Owner again', email: 'owner-anew@example.org', password }
  const again = await stranger.send('/invitation/account', typed)
  t.match([again.status, wordsOf(again)], [409, /Your record belongs to another account already/])
  t.match(again.body, /value="owner-anew@example\.org"/, 'what was typed is kept')
  t.match(await stranger.get('/account'), { status: 303 })
  const made = sql.fragment`SELECT FROM user_account WHERE email = 'owner-anew@example.org'`
  t.equal((await database.any(made)).length, 0, 'no account is left that opens nothing')
  t.same(await linksOf(await personOf(email)), [`Patient/${patient.id}`])
})

t.test('a record that was joined with another is taken by the owner of the other, and by nobody else', async t => {
  const elsewhere = await world.institution('joined-clinic')
  const { email, patient: first, subject } = await arrived('Joined')
  const holder = await personOf(email)
  const there = await create(elsewhere.manager, {
    resourceType: 'Patient' as const,
    birthDate,
    managingOrganization: { reference: `Organization/${elsewhere.organization}` },
  })
  const linked = async (...patients: readonly string[]) => {
    const person = (await send('everything', 'GET', `Person/${holder}`)).json()
    const link = patients.map(id => ({ target: { reference: `Patient/${id}` } }))
    await update('everything', { ...person, link })
  }
  await linked(first.id, there.id)
  const measured = await reading(there.id)
  // As an operator does if two were joined by mistake.
  await linked(there.id)
  const record = (await send('everything', 'GET', `Patient/${first.id}`)).json()
  await update(lab.manager, { ...record, telecom: [{ system: 'email', value: 'insider@example.org' }] })
  const insider = (await prove(await invite(subject))).browser
  const refused = await insider.send('/invitation/account', { name: 'Insider', password })
  t.match([refused.status, wordsOf(refused)], [409, /Your record belongs to another account already/])
  const made = sql.fragment`SELECT FROM user_account WHERE email = 'insider@example.org'`
  t.equal((await database.any(made)).length, 0)
  t.notMatch((await insider.get('/account/data/fhir.ndjson')).body, measured.id)
  const own = (await prove(await invite(subject), await browserOf(holder))).browser
  t.equal((await own.send('/invitation/account', {})).status, 303)
  t.same(await linksOf(holder), [`Patient/${there.id}`, `Patient/${first.id}`])
})

t.test('an invitation that is cancelled, replaced or too old, or whose patient left, opens nothing', async t => {
  const { subject, patient } = await enrolled('Gone')
  const cancelled = await invite(subject)
  const found = `${page}?find=gone`
  const action = `${page}/people/${subject}/cancel?find=gone`
  const done = `${found}&done=cancelled&subject=${subject}`
  t.match(
    await staff.send(found, {}, action),
    { status: 303, location: done },
    'the answer leads back to the same list',
  )
  t.match(wordsOf(await staff.get(done)), /The invitation is cancelled: its link no longer works\. Patient Gone/)
  t.equal((await staff.post(action, { _csrf: await tokenOf(staff, page) })).status, 303)
  const { entry: told } = (await send('everything', 'GET', `AuditEvent?entity=Patient/${patient.id}`)).json()
  t.equal(
    told.filter(({ resource }: { resource: { outcomeDesc?: string } }) =>
      /was cancelled$/.test(resource.outcomeDesc ?? ''),
    ).length,
    1,
    'if there is nothing to cancel any more, nothing is recorded',
  )
  t.notMatch(wordsOf(await staff.get(done.replace('cancelled', 'invited'))), /The patient is invited/)
  const replaced = await invite(subject)
  const open = await invite(subject)
  for (const link of [cancelled, replaced])
    t.match(
      wordsOf(await browser().get(link)),
      /This invitation no longer works It ended on \d+ \w+ 20\d\d at .* An invitation works/,
    )
  t.equal((await browser().get(open)).status, 200)
  await update(lab.manager, {
    resourceType: 'ResearchSubject',
    id: subject,
    status: 'off-study',
    study: { reference: `ResearchStudy/${study.id}` },
    individual: { reference: `Patient/${patient.id}` },
  })
  t.match(await browser().get(open), { status: 410, body: over })
  const late = await enrolled('Late')
  const link = await invite(late.subject)
  await database.run(
    sql.fragment`UPDATE invitation SET expires_at = expires_at - interval '7 days' WHERE subject = ${late.subject}`,
  )
  t.match(
    wordsOf(await browser().get(link)),
    /This invitation no longer works It worked until \d+ \w+ 20\d\d at .* An invitation works/,
  )
  const unknown = [`/invitation?link=${'A'.repeat(43)}`, '/invitation?link=short']
  const said = await Promise.all(unknown.map(async url => wordsOf(await browser().get(url))))
  t.same(new Set(said).size, 1, 'all are answered alike')
  t.match(said[0], /This invitation no longer works An invitation works/)
  for (const without of ['/invitation', '/invitation/account'])
    t.match(wordsOf(await browser().get(without)), /Open the link in your message again .* may still work/, without)
})

t.test('another address ends what was sent to the old one, and restoring the old one opens nothing', async t => {
  const { subject, patient, email } = await enrolled('Moved')
  const link = await invite(subject)
  const at = (value: string) => ({ ...patient, telecom: [{ system: 'email' as const, value }] })
  await update(lab.manager, { ...patient, gender: 'other' })
  t.equal((await browser().get(link)).status, 200, 'another change leaves it valid')
  const { browser: own } = await prove(link)
  await update(lab.manager, at('moved@example.com'))
  await update(lab.manager, at(email))
  t.match(await browser().get(link), { status: 410, body: over })
  t.match(await own.get('/invitation/account'), { status: 410, body: over }, 'even for somebody who had used the code')
  t.match(await told(), /It ended, because the address was changed/)
})

t.test('an address that changes while somebody is invited gets no link that works', async t => {
  const [late, soon] = [await enrolled('Late'), await enrolled('Soon')]
  const telecom = [{ system: 'email' as const, value: 'elsewhere@example.org' }]
  const { changing, inviting } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('invitation'), hashtext(${late.subject}))`)
    const inviting = act(late.subject, 'invite')
    await someoneWaits(connection)
    const changing = update(lab.manager, { ...late.patient, telecom })
    await Promise.race([changing, someoneWaits(connection, 2)])
    return { changing, inviting }
  })
  await changing
  t.equal((await inviting).status, 303)
  t.match(
    await database.any(sql.fragment`SELECT ended_by FROM invitation WHERE subject = ${late.subject}`),
    [{ ended_by: 'address' }],
    'it was changed after they were invited',
  )
  const { refused } = await database.transaction(async connection => {
    await connection.run(sql.fragment`
      UPDATE patient SET content = jsonb_set(content, '{telecom}', ${JSON.stringify(telecom)}::jsonb) WHERE id = ${soon.patient.id}`)
    const refused = act(soon.subject, 'invite')
    await someoneWaits(connection)
    return { refused }
  })
  t.match([(await refused).status, wordsOf(await refused)], [422, /was changed at the same moment: do it once more/])
  t.same(await database.any(sql.fragment`SELECT FROM invitation WHERE subject = ${soon.subject}`), [])
})

t.test(
  'a birth date can be written as elsewhere if it means one day only, and a code in the digits of any script',
  async t => {
    const wide = (text: string) => text.replaceAll(/\d/g, digit => String.fromCharCode(digit.charCodeAt(0) + 0xfee0))
    const arabic = (text: string) => text.replaceAll(/\d/g, digit => String.fromCharCode(0x660 + Number(digit)))
    const marked = (code: string) => `\u200e${code.slice(0, 3)}-${code.slice(3)}.`
    for (const [name, day, write] of [
      ['Wide', wide(birthDate), wide],
      ['Marked', birthDate.replaceAll('-', '\u2013'), marked],
      ['Daily', birthDate.split('-').toReversed().join('/'), wide],
      ['Monthly', '5/31/1970', wide],
      ['Keyed', birthDate.replaceAll('-', ''), wide],
      ['Arabic', arabic(birthDate), arabic],
    ] as const) {
      const { subject } = await enrolled(name)
      const link = await invite(subject)
      const own = browser()
      await own.send(link, {}, '/invitation/code')
      const shown = { birthDate: day, code: write(await codeIn()) }
      t.has(await own.send(`${link}&sent=`, shown, '/invitation'), { location: '/invitation/account' }, name)
    }
  },
)

t.test('the parts of a birth date have a field each, and an error names the part', async t => {
  const { subject } = await enrolled('Parted')
  const link = await invite(subject)
  const own = browser('es')
  await own.send(link, {}, '/invitation/code')
  const code = await codeIn()
  const parted = ([day = '', month = '', year = '']: readonly string[]) => ({
    'birthDate-day': day,
    'birthDate-month': month,
    'birthDate-year': year,
  })
  const sent = (date: readonly string[], shown = code) =>
    own.send(`${link}&sent=`, { ...parted(date), code: shown }, '/invitation')
  const autofilled = (await own.get(`${link}&sent=`)).body.match(/autocomplete="(?:bday|one)[^"]*"/g)
  t.same(
    autofilled,
    ['bday-day', 'bday-month', 'bday-year', 'one-time-code'].map(name => `autocomplete="${name}"`),
  )
  for (const [date, wrong, said] of [
    [[], ['day'], 'Escriba su fecha de nacimiento: el día, el mes y el año'],
    [['31', '13', '1970'], ['month'], 'Escriba el mes en que nació como un número del 1 al 12, o su nombre'],
    [['31', '5', '70'], ['year'], 'Escriba el año en que nació con sus cuatro cifras, por ejemplo 1970'],
    [['32', '5'], ['day', 'year'], 'Escriba el día en que nació como un número del 1 al 31'],
    [['31', 'junio', '1970'], ['day'], 'Ese día no existe: ese mes tiene menos días'],
    [['3/5/1970'], ['day', 'month', 'year'], 'Escriba el día en que nació como un número del 1 al 31'],
  ] as const) {
    const { status, body } = await sent(date)
    t.equal(status, 422, date.join())
    t.match(body, `<li><a href="#birthDate-${wrong[0]}">${said}</a></li>`)
    const marked = [...body.matchAll(/name="birthDate-(\w+)"[^>]* value="([^"]*)"[^>]* aria-invalid="true"/g)]
    t.same(
      marked.map(([, part]) => part),
      wrong,
    )
    for (const text of [...date, code]) t.match(body, `value="${text}"`, 'what was typed is kept')
  }
  const whole = await sent(['1970-05-31'], '12')
  for (const [name, text] of Object.entries({ ...parted(['31', '05', '1970']), code: '12' }))
    t.match(whole.body, new RegExp(`name="${name}"[^>]* value="${text}"`), 'a whole date is seen in its parts')
  const other = await sent(['30', '5', '1970'])
  t.match(other.body, `value="${code}"`)
  t.match(other.body, '<li><a href="#birthDate-day">La fecha de nacimiento o el código no es correcto', 'a try')
  t.has(await sent(['31', 'Mayo', '1970']), { location: '/invitation/account' })
})

t.test('a birth date that was put into one of its fields as a whole, or into each, is read', async t => {
  for (const [name, ...date] of [
    ['Pasted', ' 31/05/1970 ', '', ''],
    ['Filled', '', '', '1970-05-31'],
    ['Each', '1970-05-31', '1970-05-31', '1970-05-31'],
    ['Arabian', '٣١', '٠٥', '١٩٧٠'],
    ['Abbreviated', '31', 'May.', '1970'],
  ] as const) {
    const { subject } = await enrolled(name)
    const link = await invite(subject)
    const own = browser()
    await own.send(link, {}, '/invitation/code')
    const [day = '', month = '', year = ''] = date
    const shown = { 'birthDate-day': day, 'birthDate-month': month, 'birthDate-year': year, code: await codeIn() }
    t.has(await own.send(`${link}&sent=`, shown, '/invitation'), { location: '/invitation/account' }, name)
  }
})

t.test('the link that somebody used leads them to what they share, and nobody else', async t => {
  const { subject } = await enrolled('Rosa')
  const link = await invite(subject)
  const { browser: own } = await prove(link)
  await own.send('/invitation/account', { name: 'Rosa', password })
  t.has(await own.get(link), { status: 303, location: `/sharing/${study.id}` })
  const shown = await own.get(`/sharing/${study.id}`)
  t.match([shown.status, wordsOf(shown)], [200, /Hearts &amp; steps/])
  t.match(await browser().get(link), { status: 410, body: over })
  const { browser: other } = await arrived('Sami')
  t.match(await other.get(link), { status: 410, body: over })
  const again = await enrolled('Tess')
  const cancelled = await invite(again.subject)
  const { browser: tess } = await prove(await invite(again.subject))
  await tess.send('/invitation/account', { name: 'Tess', password })
  t.match(await tess.get(cancelled), { status: 410, body: over }, 'nobody used one that was replaced')
})

t.test('an invited person takes their address off an account that somebody else made with it', async t => {
  const { subject, email, patient } = await enrolled('Umberto')
  const mistaken = await create('everything', { resourceType: 'Person', name: [{ text: 'Ulf Else' }] })
  await addAccount(database, { person: mistaken.id, email, isVerified: false, administrator: false })
  const { browser: own } = await prove(await invite(subject))
  const shown = wordsOf(await own.get('/invitation/account'))
  t.match(
    shown,
    /There is an account with umberto@example\.org already\. .* You did not make that account\? Nobody has/,
  )
  t.notMatch(shown, /Ulf/)
  const led = await own.send('/invitation/account', { decision: 'not-mine' })
  t.match(
    [led.status, led.location?.replace(/link=[\w-]+/, '')],
    [303, '/not-my-account?&continue=%2Finvitation%2Faccount'],
  )
  const done = await own.send(led.location ?? '', {}, '/not-my-account')
  t.match(done, { status: 200, body: 'href="/invitation/account">Go on</a>' })
  t.match(wordsOf(await own.get('/invitation/account')), /You will sign in with umberto@example\.org\./)
  t.match(await own.send('/invitation/account', { name: 'Umberto', password }), { status: 303 })
  t.same(await linksOf(await personOf(email)), [`Patient/${patient.id}`])
  t.same(await linksOf(mistaken.id), [], 'the other account is unchanged')
})

/** A browser that is asked for the code and the birth date, with what it has to send. */
const askedForProof = async (subject: string) => {
  const link = await invite(subject)
  const own = browser()
  await own.send(link, {}, '/invitation/code')
  const code = await codeIn()
  const shown = await own.get(`${link}&sent=`)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(shown.body)?.[1] ?? ''
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  return { own, code, _csrf, secret }
}

t.test('somebody who lost the page by reading the code opens the link again, and enters that code', async t => {
  const { subject } = await enrolled('Reads')
  const link = await invite(subject)
  const own = browser()
  t.match(await own.send(link, {}, '/invitation/code'), { status: 303 })
  const code = await codeIn()
  const { body } = await own.get(link)
  const [, enter = ''] = /href="([^"]*)">I have a code already</.exec(body) ?? []
  const proven = await own.send(enter.replaceAll('&amp;', '&'), { birthDate, code }, '/invitation')
  t.has(proven, { status: 303, location: '/invitation/account' })
})

t.test('somebody who types the first code when they have asked for a second is told that the newest works', async t => {
  const { subject } = await enrolled('Slow')
  const link = await invite(subject)
  const own = browser()
  await own.send(link, {}, '/invitation/code')
  const first = await codeIn()
  await own.send(`${link}&sent=`, {}, '/invitation/code')
  const second = await codeIn()
  const enter = (code: string) => own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
  const late = await enter(first)
  t.match([late.status, wordsOf(late)], [422, /If you were sent several codes, only the newest one works\./])
  t.has(await enter(second), { status: 303, location: '/invitation/account' })
})

t.test('somebody whom the answer did not reach that took their code is told so, and loses no try', async t => {
  const { subject } = await enrolled('Cut')
  const link = await invite(subject)
  const own = browser()
  await own.send(link, {}, '/invitation/code')
  const code = await codeIn()
  const taken = await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
  t.has(taken, { status: 303, location: '/invitation/account' })
  own.cookies.delete('sharewell-invitation')
  for (let times = 0; times < 6; times += 1) {
    const again = await own.send(`${link}&sent=`, { birthDate, code }, '/invitation')
    t.match([again.status, wordsOf(again)], [422, /No code works now: the last one was used already, .* Send another/])
  }
  t.has((await prove(link, own)).answer, { status: 303, location: '/invitation/account' })
})

t.test('a code that was answered 503 shows who somebody is when it is sent again', async t => {
  const { subject } = await enrolled('Away')
  const link = await invite(subject)
  const own = browser()
  await own.send(link, {}, '/invitation/code')
  const shown = { birthDate, code: await codeIn() }
  const enter = () => own.send(`${link}&sent=`, shown, '/invitation')
  t.match(await whileGoneAt(database, 'invitation_proof', enter), { status: 503, location: undefined })
  t.has(await enter(), { status: 303, location: '/invitation/account' })
})

t.test('somebody whom the answer did not reach that made their account is told to sign in', async t => {
  const { subject } = await enrolled('Lost')
  const { browser: own } = await prove(await invite(subject))
  t.match(await own.send('/invitation/account', { name: 'Lost', password }), { status: 303 })
  own.cookies.delete('sharewell-session')
  const again = await own.get('/invitation/account')
  t.match(
    [again.status, wordsOf(again)],
    [
      410,
      /It also stops working if it is cancelled, or if you are invited anew\. If you got several messages, open the link in the newest\. If you have already made an account or answered with it, sign in: there you answer/,
    ],
  )
})

t.test('whoever gets no code, or is refused, is told what to do before the tries are used up', async t => {
  const { subject } = await enrolled('Hilda')
  const link = await invite(subject)
  t.match(
    wordsOf(await browser().get(`${link}&sent=`)),
    /No code comes, or it is refused\? You can read the code on any device, and enter it here\. Nothing there after ten minutes\? Ask for another code\. If you can no longer open that mailbox, ask whoever invited you to write to another address of yours\. If both are right, they may have written down another birth date\./,
  )
  t.match(
    wordsOf(await browser('es').get(`${link}&sent=`)),
    /Si ya no puede abrir ese buzón, pida a quien le invitó que le escriba a otra dirección suya\. Si las dos cosas son correctas, puede que tengan anotada otra fecha de nacimiento\./,
  )
})

t.test('five wrong tries end an invitation, however many come at once', async t => {
  const { subject } = await enrolled('Tried')
  const { own, code, _csrf, secret } = await askedForProof(subject)
  for (let count = 0; count < 6; count += 1) {
    const typed = { birthDate: '3/5/1970', code: '12345' }
    const unread = await own.post('/invitation', { _csrf, link: secret, ...typed })
    t.match([unread.status, unread.body], [422, /value="3\/5\/1970"/], 'an invalid day or code is not a try')
    t.match(
      unread.body,
      /id="birthDate-problem"><p class="mb-0">Enter the day of your birth as a number from 1 to 31<.*id="code-problem">Enter the six digits/s,
    )
  }
  const tries = await Promise.all(
    Array.from({ length: 50 }, () => own.post('/invitation', { _csrf, link: secret, birthDate: '1999-01-01', code })),
  )
  t.same(
    [422, 410].map(status => tries.filter(one => one.status === status).length),
    [4, 46],
  )
  const ended = tries.filter(one => /wrong five times.*Ask whoever invited you/s.test(one.body))
  t.equal(
    ended.length,
    tries.filter(({ status }) => status === 410).length,
    'it is said why it has ended, and what to do',
  )
  const { count } = await database.one<{ count: number }>(sql.fragment`
    SELECT count(*)::integer AS count FROM audit_event WHERE content::text LIKE '%ended after too many wrong tries%'`)
  t.equal(count, 1, 'its end is recorded once')
  t.match(
    await own.post('/invitation', { _csrf, link: secret, birthDate, code }),
    { status: 410 },
    'also the right one',
  )
  t.match(await told(), /It ended after five wrong tries/)
})

t.test('the sixth code within an hour is not sent, and the page says when there will be one again', async t => {
  const { subject } = await enrolled('Again')
  const link = await invite(subject)
  const own = browser()
  for (let count = 0; count < 5; count += 1) {
    t.match(await own.send(link, {}, '/invitation/code'), { status: 303 })
    await codeIn()
  }
  const { until } = await database.one<{ until: Date }>(
    sql.fragment`SELECT max(expires_at) AS until FROM attempt WHERE tries = 5`,
  )
  const refused = await own.send(link, {}, '/invitation/code')
  t.match(
    [refused.status, wordsOf(refused)],
    [
      429,
      /No code was sent: five within an hour is the most\. You can ask for another one from .* UTC on\. The last one that came works for 15 minutes\. If you cannot wait, ask whoever invited you to invite you again\./,
    ],
  )
  t.notMatch(refused.body, /on its way|Again|Hearts/, 'nothing else is told')
  const told = Date.parse(/<time datetime="([^"]*)"/.exec(refused.body)?.[1] ?? '')
  t.ok(told >= until.getTime() && told < until.getTime() + 60_000, 'to the minute')
  t.match(refused.headers['retry-after'], /^3[56]\d\d$/)
  await database.run(sql.fragment`UPDATE attempt SET expires_at = now() WHERE tries > 5`)
  t.match(await own.send(link, {}, '/invitation/code'), { status: 303 })
  t.match(await codeIn(), /^\d{6}$/, 'then there is one')
})

t.test('if fifty people use one link, code or proof at once, one gets in', async t => {
  const { subject, patient } = await enrolled('Raced')
  const { own, code, _csrf, secret } = await askedForProof(subject)
  const proofs = await Promise.all(
    Array.from({ length: 5 }, () => own.post('/invitation', { _csrf, link: secret, birthDate, code })),
  )
  t.equal(proofs.filter(({ status }) => status === 303).length, 1, 'a code counts once')
  const persons = await Promise.all(
    Array.from({ length: 50 }, (_, at) =>
      create('everything', { resourceType: 'Person', name: [{ text: `Racer ${at}` }] }),
    ),
  )
  const cookie = own.cookies.get('sharewell-invitation') ?? ''
  const racers = await Promise.all(persons.map(({ id }) => browserOf(id)))
  const used = await Promise.all(
    racers.map(async racer => {
      racer.cookies.set('sharewell-invitation', cookie)
      return (await racer.send('/invitation/account', {}).catch(() => ({ status: 410 }))).status
    }),
  )
  t.equal(used.filter(status => status === 303).length, 1)
  const { count } = await database.one<{ count: number }>(
    sql.fragment`SELECT count(*)::integer AS count FROM person_patient WHERE patient = ${patient.id}`,
  )
  t.equal(count, 1)
})

t.test('an expired code is said to be expired, in both languages, and entering it is not a wrong try', async t => {
  const { subject } = await enrolled('Waiting')
  const link = await invite(subject)
  const own = browser()
  await own.send(link, {}, '/invitation/code')
  const code = await codeIn()
  await database.run(sql.fragment`
    UPDATE invitation SET code_expires_at = code_expires_at - interval '15 minutes' WHERE subject = ${subject}`)
  const enter = (by: typeof own, born = birthDate) => by.send(`${link}&sent=`, { birthDate: born, code }, '/invitation')
  for (let times = 0; times < 6; times += 1) {
    const late = await enter(own)
    t.match(
      [late.status, wordsOf(late)],
      [422, /No code works now: the last one was used already, or was sent more than 15 minutes ago/],
    )
    for (const part of birthDate.split('-')) t.match(late.body, `value="${part}"`, 'what was typed is kept')
    t.match(late.body, /name="code"[^>]* value=""/, 'but for the code, which does not work')
  }
  const other = wordsOf(await enter(own, '1970-05-30'))
  t.match(other, /No code works now/, 'the answer does not tell whether the birth date is right')
  t.notMatch(other, /is not right/)
  t.match(
    wordsOf(await enter(browser('es'))),
    /Ahora no sirve ningún código: el último ya se usó, o se envió hace más de 15 minutos/,
  )
  t.has((await prove(link, own)).answer, { status: 303, location: '/invitation/account' }, 'a new one is right')
})

t.test('somebody who takes longer than half an hour is told to open the link again, which still works', async t => {
  const { subject } = await enrolled('Slow')
  const link = await invite(subject)
  const { browser: own } = await prove(link)
  const fields = {
    _csrf: await tokenOf(own, '/invitation/account'),
    name: 'Slow Joe',
    email: 'joe@here.example',
    password,
  }
  await database.run(sql.fragment`UPDATE invitation_proof SET expires_at = expires_at - interval '30 minutes'`)
  // Other invitations in the meantime change nothing.
  const { subject: other } = await enrolled('Quick')
  await prove(await invite(other))
  const [sent, seen] = [await own.post('/invitation/account', fields), await own.get('/invitation/account')]
  for (const late of [sent, seen])
    t.match(
      [late.status, wordsOf(late)],
      [410, /Open the link once more More than half an hour has passed .* Your invitation still works: open the link/],
    )
  t.match(wordsOf(sent), /What you entered, to copy it Slow Joe joe@here\.example/)
  t.notMatch(sent.body, password)
  t.notMatch(wordsOf(seen), /What you entered/)
  await prove(link, own)
  t.match(await own.send('/invitation/account', { name: 'Slow', password }), { status: 303 })
  await database.run(sql.fragment`UPDATE invitation_proof SET expires_at = expires_at - interval '30 minutes'`)
  own.cookies.delete('sharewell-session')
  const used = await own.get('/invitation/account')
  t.match([used.status, wordsOf(used)], [410, over], 'what was used does not work again')
})

t.test('signing out leaves no invitation for the next person at the browser', async t => {
  const { browser: own } = await arrived('Olive')
  const { subject } = await enrolled('Oscar')
  const { answer } = await prove(await invite(subject), own)
  t.has(answer, { status: 303, location: '/invitation/account' })
  t.match(await own.get('/invitation/account'), { status: 200 })
  await own.send('/account', {}, '/sign-out')
  t.match(await own.get('/invitation/account'), { status: 410 })
})

t.test('a picture that staff show opens the same page, and still asks for the code', async t => {
  const { subject, email } = await enrolled('Scanned')
  await act(subject, 'invite')
  await mailbox.next(isTo(email))
  const shown = await act(subject, 'code')
  t.match(shown, { status: 200, body: /<svg[^>]*aria-label="QR code of the invitation"/ })
  t.match(
    wordsOf(shown),
    /Invitation to scan Patient .*Scanned.* Study Hearts &amp; steps Works until .* \d\d:\d\d UTC The patient scans this/,
  )
  t.notMatch(shown.body, /link=/, 'only the picture has the link')
  t.match(await act((await enrolled('Uninvited')).subject, 'cancel').catch(() => 'no form'), 'no form')
})

t.test('if something is missing the page says so, and nobody is invited', async t => {
  const nowhere = await enrolled('Nowhere', { telecom: [{ system: 'phone', value: '1' }] })
  const refused = await act(nowhere.subject, 'invite')
  t.match(
    [refused.status, wordsOf(refused)],
    [422, /lacks an e-mail address: whoever has registered them completes it/],
  )
  const unborn = await enrolled('Unborn', { birthDate: '1970' })
  const early = await act(unborn.subject, 'invite')
  t.match([early.status, wordsOf(early)], [422, /lacks a full birth date: whoever has registered them completes it/])
  t.match(await told(), /Not invited yet/)
  const [, record = ''] =
    /<a class="btn btn-primary" href="([^"]*)">Complete the patient’s details</.exec(refused.body) ?? []
  const form = await staff.get(record.replaceAll('&amp;', '&'))
  t.match(wordsOf(form), /Edit the details of .*Nowhere/, 'whoever may complete the record is led there')
})

t.test('nobody is invited or reminded if the study takes nobody new, and the page says why', async t => {
  const { subject } = await enrolled('Paused')
  await invite(subject)
  const _csrf = await tokenOf(staff)
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const told =
    /Nobody new comes into the study while its status is “(Being prepared|Paused|Closed to new patients|Completed)”/
  const late = /Nobody new comes into the study after its last day, 1 January 2026 \(UTC\)/
  const early = /Nobody new comes into the study before its first day, 1 January 2999 \(UTC\)/
  for (const [change, why, enrols, isRead = false] of [
    [{ status: 'in-review' }, told, true],
    [{ status: 'temporarily-closed-to-accrual' }, told, true, true],
    [{ status: 'closed-to-accrual' }, told, false, true],
    [{ status: 'completed' }, told, false],
    [{ period: { end: '2026-01-01' } }, late, false],
    [{ period: { start: '2999-01-01' } }, early, true],
  ] as const) {
    await update(lab.manager, { ...stored, ...change })
    const refused = await staff.post(`${page}/people/${subject}/invite`, { _csrf })
    t.match([refused.status, wordsOf(refused)], [422, why])
    for (const at of [`${page}?find=paused`, `${page}/invitations`]) {
      const listed = await staff.get(at)
      t.match(wordsOf(listed), new RegExp(`Nobody can be invited now\\. [^.]*${why.source}`), at)
      t.notMatch(listed.body, `/people/${subject}/invite`, 'nor is it offered')
    }
    const offeredAt = async (at: string) =>
      [...(await staff.get(at)).body.matchAll(/ name="do" value="(\w+)"/g)].map(([, what]) => what)
    const closed = enrols
      ? new RegExp(`Nobody can be invited now\\. [^.]*${why.source}`)
      : /Nobody can be enrolled now: its /
    t.match(wordsOf(await staff.get(`${page}/enrolment`)), closed)
    t.strictSame(await offeredAt(`${page}/enrolment`), enrols ? ['enrol'] : [])
    const ways = isRead ? ['remind', 'cancel'] : ['cancel']
    t.strictSame(await offeredAt(`${page}/invitations`), ways, 'whoever shares may be reminded as long as it is read')
  }
  await update(lab.manager, stored)
  t.match(await invite(subject), /invitation/)
})

t.test('nobody is invited whose place has ended, or has not begun, and the page says so', async t => {
  const { subject } = await enrolled('Placeless')
  const stored = (await send('everything', 'GET', `ResearchSubject/${subject}`)).json()
  const _csrf = await tokenOf(staff)
  const invited = () => staff.post(`${page}/people/${subject}/invite`, { _csrf })
  await update(lab.manager, { ...stored, period: { start: '2999-01-31' } })
  const early = await invited()
  t.match([early.status, wordsOf(early)], [422, /Their place in the study has not begun: it begins at 2999-01-31\./])
  await update(lab.manager, { ...stored, status: 'off-study' })
  const late = await invited()
  t.match([late.status, wordsOf(late)], [422, /Their place in the study has ended\./])
  t.match(wordsOf(await staff.get(`${page}?find=placeless`)), /Never invited\./)
})

t.test('nobody invites or reminds a patient who has died or has an inactive record, and the page says why', async t => {
  const gone = await enrolled('Gone', { deceasedDateTime: '2026-10-01' })
  const unused = await enrolled('Unused', { active: false })
  const _csrf = await tokenOf(staff)
  const invited = async ({ subject }: typeof gone) => staff.post(`${page}/people/${subject}/invite`, { _csrf })
  const refused = await invited(gone)
  t.match(
    [refused.status, wordsOf(refused)],
    [422, /Their record says that they have died: nobody writes to them any more\./],
  )
  const other = await invited(unused)
  t.match([other.status, wordsOf(other)], [422, /Their record is not in use any more: nobody writes to them by it\./])
  const shown = await staff.get(`${page}?find=Gone`)
  t.match(wordsOf(shown), /Gone has died Has not answered yet/)
  t.notMatch(shown.body, `/people/${gone.subject}/invite`)
  t.match(wordsOf(await staff.get(`${page}?find=Unused`)), /Unused record no longer in use Has not/)
  t.match(wordsOf(await staff.get(`${page}?find=Un-used.`)), /Unused record no longer in use/)
  t.match(wordsOf(await staff.get(`${page}/invitations?find=Gone`)), /Gone Has died\. Has not answered yet\./)
  t.match(wordsOf(await staff.get('/patients?name=Gone')), /Gone born 31 May 1970, has died/)
  t.match(wordsOf(await staff.get(`/patients/${gone.patient.id}`)), /Died 1 October 2026/)
  t.match(wordsOf(await staff.get(`/patients/${unused.patient.id}`)), /Record not in use any more/)

  const late = await enrolled('Late')
  await invite(late.subject)
  await update(lab.manager, { ...late.patient, deceasedBoolean: true })
  const action = await staff.send(
    `${page}/invitations?find=Late`,
    { subject: late.subject, who: 'ticked', do: 'remind' },
    `${page}/invitations`,
  )
  const reminded = async () => wordsOf(await staff.get(action.location ?? ''))
  t.match(
    await tells(/Not done/, reminded),
    /0 of 1 are reminded\. Not done: 1 Late : Their record says that they have died/,
  )
  t.match(wordsOf(await staff.get(`/patients/${late.patient.id}`)), /Died date not known/)
})

t.test('staff who know people only by code are not told that one has died', async t => {
  const { id: practitioner } = await create('everything', {
    resourceType: 'Practitioner',
    name: [{ text: 'Cora Code' }],
  })
  const { id: person } = await create('everything', {
    resourceType: 'Person',
    link: [{ target: { reference: `Practitioner/${practitioner}` } }],
  })
  const stored = (await send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
  const asked = studyAnew(stored)
  const coded = await create(lab.manager, {
    ...asked,
    extension: [
      ...stored.extension.filter(({ url }: { url: string }) => url !== extensions.identity && url !== extensions.staff),
      { url: extensions.identity, valueCode: 'coded' },
      {
        url: extensions.staff,
        extension: [
          { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
          { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: 'coordinator' }] } },
        ],
      },
    ],
  })
  const { subject } = await enrolled('Hidden', { deceasedBoolean: true }, coded.id)
  const cora = await browserOf(person)
  const refused = await cora.post(`/studies/${coded.id}/people/${subject}/invite`, { _csrf: await tokenOf(cora) })
  t.match(
    [refused.status, wordsOf(refused)],
    [422, /Nobody writes to this patient any more: whoever has registered them knows why\./],
  )
  t.notMatch(wordsOf(await cora.get(`/studies/${coded.id}`)), /died/)
})

t.test('an id lets nobody write to another tenant’s patient, or tells whether there is one', async t => {
  const foreign = await create('everything', {
    resourceType: 'Patient',
    birthDate,
    telecom: [{ system: 'email', value: 'foreign@example.org' }],
    managingOrganization: { reference: `Organization/${world.clinic.organization}` },
  })
  const answers = []
  for (const patient of [foreign.id, 'nothing-of-the-kind']) {
    const { id } = await world.enrol(patient)
    const { body } = await staff.get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    const { status, body: told } = await staff.post(`${page}/people/${id}/invite`, { _csrf })
    answers.push([status, wordsOf({ body: told })])
  }
  t.same(answers[0], answers[1])
  t.match(answers[0], [422, /lacks an e-mail address and a full birth date/])
})

t.test('an address that names two people at once, or two studies, is about nobody', async t => {
  const [one, other] = [await enrolled('Onlyone'), await enrolled('Another')]
  const theirs = await world.addStudy(world.lab.manager, world.lab.organization, 'of the lab', ['omh:heart-rate'])
  await invite(one.subject)
  const _csrf = await tokenOf(staff, page)
  const answers = async (at: string) =>
    Promise.all(
      ['invite', 'code', 'cancel'].map(async action => {
        const answer = await staff.post(`${at}/${action}`, { _csrf })
        return [answer.status, wordsOf(answer).replace(/this number: \S+/, '')]
      }),
    )
  const none = await answers(`${page}/people/nothing-of-the-kind`)
  t.same(
    none.map(([status]) => status),
    [404, 404, 404],
  )
  for (const subject of [`${one.subject},nobody`, `nobody,${other.subject}`, `${one.subject},${other.subject}`, '%5C'])
    t.same(await answers(`${page}/people/${subject}`), none, subject)
  for (const asked of [theirs.id, `${study.id},ResearchStudy%2F${theirs.id}`, `${study.id},nothing`])
    t.same(await answers(`/studies/${asked}/people/${one.subject}`), none, asked)
  t.same(
    await database.any(sql.fragment`
      SELECT subject, ended_by FROM invitation WHERE patient IN (${one.patient.id}, ${other.patient.id})`),
    [{ subject: one.subject, ended_by: null }],
  )
})

t.test('the fifth invitation within an hour is sent, also if its button is pressed twice', async t => {
  const { subject } = await enrolled('Fifth')
  for (let count = 0; count < 4; count += 1) t.ok(await invite(subject))
  const page = `/studies/${study.id}?find=fifth`
  const after = /name="after" value="([^"]*)"/.exec((await staff.get(page)).body)?.[1] ?? ''
  const action = `/studies/${study.id}/people/${subject}/invite?find=fifth`
  for (const answer of await Promise.all([1, 2, 3].map(() => staff.send(page, { after }, action))))
    t.match(answer, { status: 303 })
  await mailbox.next()
})

t.test('nobody is flooded with invitations', async t => {
  const { subject } = await enrolled('Flooded')
  for (let count = 0; count < 5; count += 1) t.ok(await invite(subject))
  const refused = await act(subject, 'invite')
  t.match([refused.status, wordsOf(refused)], [422, /This address was written to five times within an hour/])
  const { manager, organization } = world.clinic
  const theirs = await world.addStudy(manager, organization, 'Theirs', ['omh:heart-rate'])
  const patient = await create(manager, {
    resourceType: 'Patient' as const,
    birthDate,
    telecom: [{ system: 'email' as const, value: 'flooded@example.org' }],
    managingOrganization: { reference: `Organization/${organization}` },
  })
  const { id } = await create(manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${theirs.id}` },
    individual: { reference: `Patient/${patient.id}` },
  })
  const colleague = await browserOf(await personOf('clinic-manager@example.org'))
  const { body } = await colleague.get('/account')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
  const sent = await colleague.post(`/studies/${theirs.id}/people/${id}/invite`, { _csrf })
  t.equal(sent.status, 303, 'another tenant is not told of that')
  t.match(await mailbox.next(isTo('flooded@example.org')), { text: /\/invitation\?link=/ })
})

t.test('somebody who may not invite is offered no way to, and their form does nothing', async t => {
  const { subject } = await enrolled('Safe')
  const token = (await staff.get(page)).body.match(/name="_csrf" value="([^"]*)"/)?.[1] ?? ''
  const other = await create('everything', { resourceType: 'Person', name: [{ text: 'Other' }] })
  const viewerId = (await create('everything', { resourceType: 'Practitioner', name: [{ text: 'Vic' }] })).id
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${viewerId}` },
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: 'viewer' }] }],
  })
  const viewer = await create('everything', {
    resourceType: 'Person',
    link: [{ target: { reference: `Practitioner/${viewerId}` } }],
  })
  const viewing = await browserOf(viewer.id)
  t.notMatch((await viewing.get(page)).body, /people\/[^"]*\/invite/)
  for (const own of [viewing, await browserOf(other.id)])
    for (const action of ['invite', 'cancel', 'code']) {
      const { body } = await own.get('/account')
      const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
      t.equal((await own.post(`${page}/people/${subject}/${action}`, { _csrf })).status, 404, action)
      t.equal(
        (await own.post(`${page}/people/${subject}/${action}`, { _csrf: token })).status,
        403,
        'without the token',
      )
    }
  t.match(await told(), /Not invited yet/)
})

t.test('the patient and the study’s privacy officer are shown what happened to invitations', async t => {
  const { patient, email } = await arrived('Audited')
  const everything = async (query: string) =>
    ((await send('everything', 'GET', `AuditEvent?${query}`)).json().entry ?? []).map(
      ({ resource }: { resource: { outcomeDesc: string } }) => resource.outcomeDesc,
    )
  const told = (await everything(`entity=Patient/${patient.id}`)).filter((one: string) => !one.startsWith('HTTP'))
  t.same(told.toSorted(), [
    'The patient came by an invitation, and has an account by it',
    'The patient was invited to a study',
  ])
  const spanish = await browserOf(await personOf(email), 'es')
  t.match(
    wordsOf(await spanish.get('/account/disclosures')),
    /Rita Research Le invitó a un estudio – para el estudio Hearts &amp; steps /,
    'in their language, and without what they did themselves',
  )
})

t.test('a letter that cannot be sent is tried again, and then reported as failed', async t => {
  const broken = await openInvited({ SMTP_URL: 'smtp://127.0.0.1:1' })
  t.teardown(broken.close)
  const { subject } = await broken.enrolled('Ana')
  await broken.act(subject, 'invite')
  const tell = async () => wordsOf(await broken.staff.get(broken.page))
  t.match(await tell(), /The e-mail (is being sent|could not be sent yet, and is tried again)\./)
  t.match(
    await tells(/The e-mail failed/, tell),
    /The e-mail failed\. Tried 2 times\. The mail server could not be reached\. Invite them again\./,
  )
})

t.test('on a server that makes no accounts only somebody with an account gets in', async t => {
  const closed = await openInvited({ SIGN_UP: 'closed' })
  t.teardown(closed.close)
  const { subject } = await closed.enrolled('Ana')
  const { browser: own } = await closed.prove(await closed.invite(subject))
  const shown = await own.get('/invitation/account')
  t.match(wordsOf(shown), /No accounts can be created here at the moment\. .* Sign in$/)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await own.get('/sign-in')).body)?.[1] ?? ''
  const { id: invitation } = await closed.database.one<{ id: string }>(sql.fragment`SELECT id FROM invitation`)
  const fields = { _csrf, invitation, name: 'Ana', password }
  t.match(await own.post('/invitation/account', fields), { status: 410, body: over })
})
