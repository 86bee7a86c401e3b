import type { Consent, Extension, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import t from 'tap'
import { ownerSystem } from '../../../src/access/owner.ts'
import { inactivationReason, organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions, systems } from '../../../src/fhir/canonical.ts'
import { dayOf } from '../../../src/fhir/timezone.ts'
import { wordsFor } from '../../../src/messages/catalogue.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { dayShown } from '../../../src/web/page/typed-day.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { wrongShape } from '../../support/consent-shape.ts'
import { wholeTextIn } from '../../support/patient-text.ts'
import { serverOver } from '../../support/server-over.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openStudies } from '../../support/study.ts'
import { openBreakingWire } from '../../support/wire.ts'

const world = await openStudies()
const { server, database, create, update, send, institution, patientToken } = world
t.teardown(() => server.close())

const lab = await institution('lab')
const kinds = ['omh:heart-rate', 'omh:body-weight']
const studySince = async (day: string, title: string) => {
  const made = await world.study(lab.manager, lab.organization, title, kinds)
  await database.run(sql.fragment`UPDATE research_study SET last_updated = ${day}::timestamptz WHERE id = ${made.id}`)
  return made
}
const study = await studySince('2026-02-01T12:00:00Z', 'hearts')
const studyNow = async ({ id }: { readonly id: string } = study): Promise<ResearchStudy> =>
  (await send('everything', 'GET', `ResearchStudy/${id}`)).json()

let network = 0
const signedIn = async ({ person }: { readonly person: string }) => {
  const browser = openBrowser(server, { remoteAddress: `10.9.0.${++network}` })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const coordinator = async (name: string, of: { readonly id: string } = study) => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: name }] })
  const practitioner = { reference: `Practitioner/${id}` }
  const { id: person } = await create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
  await named(of, id)
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  })
  return { person, practitioner: id }
}
const named = async (of: { readonly id: string }, practitioner: string) =>
  extended(of, {
    url: extensions.staff,
    extension: [
      { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
      { url: 'role', valueCodeableConcept: { coding: [{ system: systems.staffRole, code: 'coordinator' }] } },
    ],
  })
const extended = async (of: { readonly id: string }, entry: Extension) => {
  const stored = await studyNow(of)
  await update(lab.manager, { ...stored, extension: [...(stored.extension ?? []), entry] })
}
const [cora, dora] = [await coordinator('Cora'), await coordinator('Dora')]
const [first, second, researcher] = [await signedIn(cora), await signedIn(dora), await signedIn(study.researcher)]

const enrolled = async (name: string, of: { readonly id: string } = study) => {
  const { id: patient } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: name }],
    birthDate: '1970-05-31',
    telecom: [{ system: 'email', value: `${name.toLowerCase()}@example.org` }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { id: subject } = await create(lab.manager, {
    resourceType: 'ResearchSubject',
    status: 'candidate',
    study: { reference: `ResearchStudy/${of.id}` },
    individual: { reference: `Patient/${patient}` },
  })
  return { patient, page: `/studies/${of.id}/people/${subject}/paper` }
}
const consentsOf = async (patient: string) =>
  ((await send('everything', 'GET', `Consent?patient=Patient/${patient}`)).json().entry ?? []).map(
    ({ resource }: { resource: object }) => resource,
  )
/** What the place in the study, of which it is a page, says of the answer. */
const saidOf = async (page: string) => {
  const { status, consent } = (
    await send(lab.manager, 'GET', `ResearchSubject/${page.split('/').at(-2)}`)
  ).json<ResearchSubject>()
  return [status, consent?.reference?.split('/')[1]]
}
const pdf = Buffer.from('%PDF-1.7 the scan')
const signed = {
  signedOn: '2026-03-01',
  language: 'en',
  'omh:heart-rate@any': 'yes',
  'omh:body-weight@any': 'no',
}
const scan = (content: string | Uint8Array = pdf) => ({ field: 'scan', name: 'scan.pdf', content })
const tokenIn = async (browser: typeof first) =>
  /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''

t.test('paper is taken only if the study allows it, which is a setting', async t => {
  const { page } = await enrolled('Early')
  t.equal((await first.get(page)).status, 404)
  const settings = `/studies/${study.id}/settings/paper`
  const member = await first.send(settings, { paper: 'yes' })
  t.match(member, { status: 303, location: `/studies/${study.id}/settings?done=paper` })
  t.match((await studyNow()).extension?.at(-1), { url: extensions.paperConsent, valueBoolean: true })
  t.match((await first.get(page)).status, 200)
  t.equal((await researcher.get(page)).status, 404, 'somebody who may not ask for consent records nothing')
})

t.test('no paper is taken for a patient of another institution: an id alone gives nobody their data', async t => {
  const clinic = await institution('clinic')
  const { id: patient } = await create(clinic.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${clinic.organization}` },
  })
  const _csrf = await tokenIn(first)
  for (const id of [patient, 'nobody']) {
    const subject = await create(lab.manager, {
      resourceType: 'ResearchSubject',
      status: 'candidate',
      study: { reference: `ResearchStudy/${study.id}` },
      individual: { reference: `Patient/${id}` },
    })
    const page = `/studies/${study.id}/people/${subject.id}/paper`
    t.equal((await first.get(page)).status, 404, id)
    t.equal((await first.post(`${page}/confirm`, { _csrf, version: '1' })).status, 404, id)
  }
})

t.test('nor for somebody whose place is one in another study', async t => {
  const night = await world.study(lab.manager, lab.organization, 'night', ['omh:heart-rate'])
  const { page } = await enrolled('Night', night)
  t.equal((await first.get(page.replace(night.id, study.id))).status, 404)
})

t.test('what is missing is shown at its field, and nothing is recorded', async t => {
  const { page, patient } = await enrolled('Ann')
  const shown = await first.sendFile(page, scan('no scan at all'), page, { ...signed, signedOn: '3/1/26' })
  t.match(
    [shown.status, wordsOf(shown)],
    [
      422,
      /Enter the date on the paper, with its month as a word, such as 31 January 2026 The file is no PDF, JPEG or PNG, whatever it is called/,
    ],
  )
  t.match(shown.body, 'value="3/1/26"', 'what was typed is kept')
  const empty = await first.sendFile(page, scan(), page, { signedOn: '2026-03-01', language: 'en' })
  t.match(wordsOf(empty), /Say whether the paper shares Heart rate, from any device/)
  t.match(empty.body, 'id="scan-problem">Choose the scan again: it was not kept<', 'also if nothing is wrong with it')
  for (const form of [shown, empty, await first.get(page)]) {
    t.match(wordsOf(form), /It is shared It is not shared .* Empty: until the patient stops it\./)
    t.notMatch(wordsOf(form), /until you|whether you/, 'it is not addressed to the patient')
  }
  const large = await first.sendFile(page, scan(Buffer.concat([pdf, Buffer.alloc(10_000_001)])), page, {
    ...signed,
    language: 'es',
  })
  t.match(
    [large.status, large.body],
    [413, /id="scan-problem">The file is larger than 10 MB.*id="scan"[^>]* aria-invalid="true"/s],
  )
  t.match(large.body, 'value="1 March 2026"', 'what was typed beside a scan that was too large is kept')
  t.match(large.body, /value="es" selected/)
  t.equal(large.body.match(/ checked/g)?.length, 2)
  t.equal(
    large.body.match(/-problem"/g)?.length,
    2,
    'and nothing else is called wrong: the scan, and what describes it',
  )
  t.same(await consentsOf(patient), [])
})

t.test(
  'whoever has signed on paper since a message failed is not to be written to, unless it is discarded',
  async t => {
    const { page } = await enrolled('Penny')
    const place = page.replace('/paper', '')
    const subject = place.split('/').at(-1) ?? ''
    await database.run(sql.fragment`
    INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, reason, ended_at)
    SELECT 'to-penny', 'invitation', patient, id, study_id, 'email', 'penny@example.org', 'failed', 'It was refused', now()
    FROM enrolment WHERE id = ${subject}`)
    const isToBeWrittenTo = async () => {
      const said = wordsOf(await first.get(place))
      const listed = wordsOf(await first.get(`/studies/${study.id}/invitations?invited=failed`))
      t.match(said, /The e-mail failed\. It was refused\./)
      return [said.includes('Check the e-mail address'), listed.includes('Penny')]
    }
    t.strictSame(await isToBeWrittenTo(), [true, true])
    await first.sendFile(page, scan(), page, signed)
    t.strictSame(await isToBeWrittenTo(), [false, false])
    await first.send(page, {}, `${page}/discard`)
    t.strictSame(await isToBeWrittenTo(), [true, true])
  },
)

t.test('one person records it, and it counts once another one has confirmed it', async t => {
  const { page, patient } = await enrolled('Bea')
  t.match(
    wordsOf(await first.get(page)),
    /Consent on paper Patient Bea, born 31 May 1970 Record what the patient has signed, .* confirmed it\. Who can confirm it: Dora/,
  )
  const recorded = await first.sendFile(page, scan(), page, signed)
  t.match(recorded, { status: 303, location: `${page}?done=recorded` })
  t.match((await first.get(recorded.location ?? '')).body, / autofocus><p>It is recorded\.<\/p>/)
  t.notMatch(wordsOf(await first.get(page)), /It is recorded\./)
  const [proposed] = await consentsOf(patient)
  t.has(proposed, { status: 'proposed', dateTime: '2026-03-01', provision: { provision: [{ type: 'permit' }] } })
  t.equal(proposed.provision.provision.length, 1)
  t.match(
    wordsOf(await first.get(page)),
    /Heart rate, from any device: measured from 1 March 2026 .*You recorded this consent\. .* Who can confirm it: Dora/,
  )

  const waiting = await second.get(`/studies/${study.id}?state=paper`)
  t.match(
    wordsOf(waiting),
    /On paper, to be confirmed: 1 .* Bea Has not answered yet\. What they signed on paper waits for somebody else to confirm it\./,
  )
  t.notMatch(waiting.body, /Ann/)
  t.match(waiting.body, `<a href="${page}?state=paper" aria-label="Check what they signed on paper: Bea">`)

  const _csrf = await tokenIn(first)
  t.equal((await first.post(`${page}/confirm`, { _csrf })).status, 403, 'not by the one who recorded it')
  t.equal((await researcher.post(`${page}/confirm`, { _csrf: await tokenIn(researcher) })).status, 404)
  t.match(await consentsOf(patient), [{ status: 'proposed' }])

  t.match(
    wordsOf(await second.get(page)),
    /Patient Bea, born 31 May 1970 Signed 1 March 2026 .* Compare it with the scan: the patient,/,
    'whose it is stands beside it',
  )
  t.equal((await second.get(`${page}/scan`)).body, pdf.toString())
  t.equal((await researcher.get(`${page}/scan`)).status, 404)
  const done = `/studies/${study.id}?done=confirmed&subject=${page.split('/').at(-2)}`
  t.match(await second.send(page, {}, `${page}/confirm`), { status: 303, location: done })
  const told = await database.any(sql.fragment`SELECT kind, address FROM study_message WHERE patient = ${patient}`)
  t.strictSame(told, [{ kind: 'given-for', address: 'bea@example.org' }], 'the patient is told, once it counts')
  t.strictSame((await saidOf(page))[0], 'on-study')
  t.match(
    wordsOf(await second.get(done)),
    / What the patient signed on paper is confirmed, and takes effect now\. Patient Bea, born 31 May 1970 No other paper waits for you to confirm it\. Status /,
  )
  const [given] = await consentsOf(patient)
  t.same(await wrongShape(given), [], 'it has the shape that is published')
  t.match(given, {
    status: /^active$/,
    verification: [{ verified: true }],
    extension: [{ url: extensions.paperScan }],
  })
  const then = wordsOf(await second.get(`/studies/${study.id}`))
  t.match(then, /Bea Shares part of what the study asks for/)
  t.notMatch(then, /to be confirmed/)
  const own = await patientToken(patient, 'patient/*.rs')
  t.match((await send(own, 'GET', `Consent/${given.id}`)).json(), { status: /^active$/ })
  const events = (await send(own, 'GET', 'AuditEvent')).json().entry ?? []
  t.match(
    events.map(({ resource }: { resource: { outcomeDesc?: string } }) => resource.outcomeDesc),
    ['A consent of the patient on paper was confirmed by staff'],
  )
  t.match(
    wordsOf(await second.get(`/studies/${study.id}?find=bea`)),
    /Shares part of what the study asks for\. They signed on paper\. .* Withdraw for this patient See what they signed on paper/,
  )
  const kept =
    /They share by this paper\. Only they change it themselves, .* withdraw for them ?; then a new paper can be recorded\. Patient Bea, born 31 May 1970 Signed 1 March 2026 Text Version .* Recorded .* UTC, by Cora Confirmed by somebody else .* UTC, by Dora What is recorded Heart rate, from any device: measured from 1 March 2026 .*Open the scan/
  for (const one of [first, second]) {
    t.match(wordsOf(await one.get(page)), kept)
    t.equal((await one.get(`${page}/scan`)).body, pdf.toString())
  }
  for (const at of [page, `${page}/scan`]) t.equal((await researcher.get(at)).status, 404, at)
  t.match((await first.get(page.replace(/paper$/, 'withdrawal'))).body, `They signed on paper: <a href="${page}">`)
})

t.test('the patient is told of a paper that waits, and that it shares nothing yet', async t => {
  const patientBrowser = async (patient: string, language = 'en') => {
    const link = [{ target: { reference: `Patient/${patient}` } }]
    const { id: person } = await create('everything', { resourceType: 'Person', link })
    const browser = openBrowser(server, { headers: { 'accept-language': language } })
    browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
    return browser
  }
  const { page, patient } = await enrolled('Pia')
  const [own, other] = [await patientBrowser(patient), await patientBrowser((await enrolled('Quin')).patient)]
  const inStudy = `/sharing/${study.id}`
  t.match(wordsOf(await own.get('/sharing')), /Studies waiting for your answer hearts You share nothing/)
  await first.sendFile(page, scan(), page, signed)
  const told =
    /Staff of the study recorded a consent of yours from paper on .* UTC\. Nothing is shared by it until a second person there has confirmed it\./
  const listed = wordsOf(await own.get('/sharing'))
  t.match(listed, /On paper, and not confirmed yet hearts Staff of the study/)
  t.match(listed, told)
  t.notMatch(listed, /Studies waiting/)
  const shown = wordsOf(await own.get(inStudy))
  t.match(shown, told)
  t.match(shown, /If you signed nothing on paper, or have a question about it, ask lab\. You can also answer here/)
  t.match((await own.get(inStudy)).body, `<a href="${inStudy}/paper">Download the paper, as it was scanned</a>`)
  t.match(await own.get(`${inStudy}/paper`), {
    status: 200,
    body: pdf.toString(),
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': 'attachment; filename="consent.pdf"',
      'cache-control': 'no-store',
    },
  })
  for (const nobody of [other, first, researcher]) t.equal((await nobody.get(`${inStudy}/paper`)).status, 404)
  const spanish = await patientBrowser(patient, 'es')
  t.match(wordsOf(await spanish.get('/sharing')), /En papel, y sin confirmar todavía hearts El personal del estudio/)
  t.match(
    wordsOf(await spanish.get(inStudy)),
    /No se comparte nada con él hasta que otra persona del estudio lo confirme/,
  )
  for (const at of ['/sharing', inStudy]) t.notMatch(wordsOf(await other.get(at)), /paper/, 'nobody else is')

  t.match(await own.post(`${inStudy}/decline`, { _csrf: await tokenIn(own) }), { status: 303 })
  for (const at of ['/sharing', inStudy]) t.notMatch(wordsOf(await own.get(at)), /paper/)
  const late = await second.post(`${page}/confirm`, { _csrf: await tokenIn(second) })
  t.equal(late.status, 409)
  t.match(
    wordsOf(late),
    /It waits no longer: it was discarded or changed, or the patient has answered themselves\. What you pressed did nothing\. Patient Pia,/,
  )
})

t.test(
  'whoever signed on paper and makes an account later has a copy with the scan, stops sharing, and keeps both',
  async t => {
    const { page, patient } = await enrolled('Sol')
    await first.sendFile(page, scan(), page, signed)
    await second.send(page, {}, `${page}/confirm`)
    const link = [{ target: { reference: `Patient/${patient}` } }]
    const { id: person } = await create('everything', { resourceType: 'Person', link })
    const own = openBrowser(server)
    own.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
    const inStudy = `/sharing/${study.id}`
    t.match(wordsOf(await own.get(inStudy)), /You share data with this study now\. Your copy, to print or keep/)
    const toScan = `<a href="${inStudy}/paper?signed">Download the paper, as it was scanned</a>`
    t.match((await own.get(`${inStudy}/copy`)).body, toScan)
    await own.post(`${inStudy}/decline`, { _csrf: await tokenIn(own) })
    t.match(await consentsOf(patient), [{ status: /^inactive$/ }])
    t.match((await own.get(`${inStudy}/copy`)).body, toScan)
    t.equal((await own.get(`${inStudy}/paper`)).body, pdf.toString())
  },
)

t.test('a scan that an app has recorded in any format is downloaded, and never as a page of ours', async t => {
  const { page, patient } = await enrolled('Tia')
  await first.sendFile(page, scan(), page, signed)
  await second.send(page, {}, `${page}/confirm`)
  const link = [{ target: { reference: `Patient/${patient}` } }]
  const own = await signedIn({ person: (await create('everything', { resourceType: 'Person', link })).id })
  const [{ extension = [] } = {} as Consent]: Consent[] = await consentsOf(patient)
  const reference = extension.find(({ url }) => url === extensions.paperScan)?.valueReference?.reference ?? ''
  const binary = {
    resourceType: 'Binary' as const,
    id: reference.split('/')[1] ?? '',
    securityContext: { reference: `ResearchSubject/${page.split('/').at(-2)}` },
    data: pdf.toString('base64'),
  }
  for (const [contentType, type, name] of [
    ['image/tiff', 'image/tiff', 'consent.tiff'],
    ['IMAGE/HEIC; name=a', 'image/heic', 'consent.heic'],
    ['text/html', 'application/octet-stream', 'consent.bin'],
    ['image/svg+xml', 'application/octet-stream', 'consent.bin'],
  ] as const) {
    await update('everything', { ...binary, contentType })
    for (const [one, at] of [
      [own, `/sharing/${study.id}/paper`],
      [second, `${page}/scan`],
    ] as const)
      t.match(await one.get(at), {
        status: 200,
        body: pdf.toString(),
        headers: { 'content-type': type, 'content-disposition': `attachment; filename="${name}"` },
      })
  }
})

t.test('the copy of what was signed has its own paper, and not one that was recorded later', async t => {
  const { page, patient } = await enrolled('Sia')
  await first.sendFile(page, scan(), page, signed)
  await second.send(page, {}, `${page}/confirm`)
  const link = [{ target: { reference: `Patient/${patient}` } }]
  const own = await signedIn({ person: (await create('everything', { resourceType: 'Person', link })).id })
  const inStudy = `/sharing/${study.id}`
  await own.post(`${inStudy}/decline`, { _csrf: await tokenIn(own) })
  const later = Buffer.from('%PDF-1.7 of another')
  const papers = async () =>
    Promise.all(
      [inStudy, `${inStudy}/copy`].map(async at => {
        const [, to] = /<a href="([^"]*)">Download the paper/.exec((await own.get(at)).body) ?? []
        return to && (await own.get(to)).body
      }),
    )
  // Only a paper of a later day counts again.
  const isTheirs = sql.fragment`patient_id = (SELECT patient_id FROM patient_compartment WHERE id = ${patient})`
  for (const table of ['consent', 'consent_history'])
    await database.run(
      sql.fragment`UPDATE ${sql.identifier([table])} SET last_updated = '2026-04-01T12:00:00Z' WHERE ${isTheirs}`,
    )
  const { status } = await first.sendFile(page, scan(later), page, { ...signed, signedOn: '2026-05-01' })
  t.equal(status, 303)
  t.strictSame(await papers(), [later.toString(), pdf.toString()], 'while it waits')
  await first.send(page, {}, `${page}/discard`)
  t.strictSame(await papers(), [undefined, pdf.toString()], 'once it is discarded')
})

t.test('the days of a paper are days of the time zone that is given with them', async t => {
  const { page, patient } = await enrolled('Dan')
  const days = { ...signed, 'omh:heart-rate@any-until': '2026-03-08', timezone: 'America/Los_Angeles' }
  const unknown = await first.sendFile(page, scan(), page, { ...days, timezone: 'Mars/Olympus' })
  t.match([unknown.status, wordsOf(unknown)], [422, /Enter the time zone of the days/])
  t.match(unknown.body, / id="choices" data-typed /)
  t.equal((await first.sendFile(page, scan(), page, days)).status, 303)
  t.match(
    (await first.get(page)).body,
    'measured from <time datetime="2026-03-01">1 March 2026</time> (UTC-08:00), until <time datetime="2026-03-08">8 March 2026</time> (UTC-07:00)<',
    'as on the paper, in whichever time zone it is compared with it',
  )
  t.has(await consentsOf(patient), [
    {
      dateTime: '2026-03-01',
      provision: {
        provision: [{ dataPeriod: { start: '2026-03-01T00:00:00.000-08:00', end: '2026-03-08T23:59:59.999-07:00' } }],
      },
    },
  ])
})

t.test('what was changed since it was recorded is not confirmed', async t => {
  const { page, patient } = await enrolled('Cleo')
  await first.sendFile(page, scan(), page, signed)
  const [proposed] = await consentsOf(patient)
  await send('everything', 'PUT', `Consent/${proposed.id}`, { ...proposed, dateTime: '2026-03-02' })
  const answer = await second.post(`${page}/confirm`, { _csrf: await tokenIn(second) })
  t.match([answer.status, wordsOf(answer)], [409, /It waits no longer: it was discarded or changed/])
  t.match(await consentsOf(patient), [{ status: 'proposed' }])
})

t.test('a day on which the current version did not exist yet is refused at its field', async t => {
  const { page, patient } = await enrolled('Gil')
  for (const signedOn of ['2026-01-30', '1926-03-01']) {
    const early = await first.sendFile(page, scan(), page, { ...signed, signedOn })
    t.match(
      [early.status, early.body],
      [422, /id="signedOn-problem">Version 1 of the text is here since 2026-02-01: what was signed before is not this/],
    )
    t.match(early.body, `value="${dayShown(signedOn, wordsFor('en'))}"`, 'what was typed is kept')
  }
  t.same(await consentsOf(patient), [])
  t.equal((await first.sendFile(page, scan(), page, { ...signed, signedOn: '2026-02-01' })).status, 303)
})

t.test('when the study takes nobody new, what was signed before is still recorded and counts', async t => {
  const closing = await studySince('2026-02-01T12:00:00Z', 'closing')
  await named(closing, cora.practitioner)
  await named(closing, dora.practitioner)
  await extended(closing, { url: extensions.paperConsent, valueBoolean: true })
  const { page, patient } = await enrolled('Hugo', closing)
  await update(lab.manager, { ...(await studyNow(closing)), status: 'closed-to-accrual' })
  const closedAt = '2026-04-10T20:00:00Z'
  await database.run(
    sql.fragment`UPDATE research_study SET last_updated = ${closedAt}::timestamptz WHERE id = ${closing.id}`,
  )
  t.match(
    wordsOf(await first.get(page)),
    /The study has taken no new patients since 10 April 2026 at 20:00 UTC: only paper that was signed before can be recorded/,
  )
  const nextDay = { ...signed, signedOn: '2026-04-11' }
  const late = await first.sendFile(page, scan(), page, nextDay)
  t.match(
    [late.status, wordsOf(late)],
    [422, /Nobody new comes into the study since 2026-04-10: only what was signed on that day or before counts/],
  )
  t.same(await consentsOf(patient), [])
  const inTime = await first.sendFile(page, scan(), page, { ...nextDay, timezone: 'Asia/Tokyo' })
  t.equal(inTime.status, 303, 'where it was the next day already')
  const link = [{ target: { reference: `Patient/${patient}` } }]
  const own = await signedIn({ person: (await create('everything', { resourceType: 'Person', link })).id })
  t.match(wordsOf(await own.get('/sharing')), /On paper, and not confirmed yet closing Staff of the study/)
  t.match(wordsOf(await own.get(`/sharing/${closing.id}`)), /If you do not want it, say no below\./)
  t.equal((await second.send(page, {}, `${page}/confirm`)).status, 303)
  t.match(await consentsOf(patient), [{ status: /^active$/, dateTime: /^2026-04-11$/ }])
})

t.test('a paper of an earlier version does not count for the version that is signed now', async t => {
  const later = await studySince('2026-02-01T12:00:00Z', 'later')
  await extended(later, { url: extensions.paperConsent, valueBoolean: true })
  for (const { practitioner } of [cora, dora]) await named(later, practitioner)
  const { page, patient } = await enrolled('Hal', later)
  const { page: other, patient: shown } = await enrolled('Ina', later)
  const form = await first.get(other)
  t.match(
    wordsOf(form),
    /Only paper with version 1 of the text can be recorded: patients have been signing it since 1 February 2026 at 12:00 UTC/,
  )
  t.match(wordsOf(form), /Read version 1 KEY FACTS We ask you to share what you measure\./)
  await first.sendFile(page, scan(), page, signed)
  const before = wordsOf(await second.get(page))
  t.match(
    before,
    /Text Version 1, since 1 February 2026 at 12:00 UTC Read version 1 KEY FACTS We ask you .* Confirm that this was/,
  )

  await extended(later, {
    url: extensions.patientText,
    extension: [
      { url: 'version', valueString: '2' },
      {
        url: 'text',
        valueAttachment: wholeTextIn('en', 'And more.'),
      },
    ],
  })
  const hidden = /name="text" value="([^"]*)"/.exec(form.body)?.[1] ?? ''
  const sent = { ...signed, signedOn: new Date().toISOString().slice(0, 10) }
  const overtaken = await first.sendFile(other, scan(), other, { ...sent, text: hidden })
  t.match(
    [overtaken.status, wordsOf(overtaken)],
    [409, /Another version of the text was published since this form was shown, so nothing was recorded/],
  )
  t.match(overtaken.body, `value="${dayShown(sent.signedOn, wordsFor('en'))}"`, 'what was typed is kept')
  t.equal(overtaken.body.match(/ checked/g)?.length, 2)
  t.match(wordsOf(overtaken), /Only paper with version 2 of the text can be recorded/)
  const headings = [...(overtaken.body.split('<main')[1] ?? '').matchAll(/<h([1-6])|aria-level="([1-6])"/g)].map(
    ([, tag, level]) => tag ?? level,
  )
  t.same(headings, ['1', '2', '2', '2', '2', '2'], 'the headings of the text come right below that of the page')
  const spanish = await first.sendFile(other, scan(), other, { ...sent, language: 'es' })
  t.match([spanish.status, spanish.body], [422, /id="language-problem">There is no text in this language/])
  t.same(await consentsOf(shown), [])

  const after = await second.get(page)
  t.match(wordsOf(after), /Another version of the text was published since this was recorded.* Text Version 1, since/)
  t.notMatch(after.body, `${page}/confirm`)
  const recorded = `${(await consentsOf(patient))[0].id}/1`
  const confirmed = await second.post(`${page}/confirm`, { _csrf: await tokenIn(second), recorded })
  t.match([confirmed.status, wordsOf(confirmed)], [422, /Another version of the text was published/])
  await second.send(page, {}, `${page}/discard`)
  const again = await first.sendFile(page, scan(), page, signed)
  t.match([again.status, wordsOf(again)], [422, /Version 2 of the text is here since/])
  t.match(await consentsOf(patient), [{ status: 'inactive' }])
})

t.test('of several who record a paper at the same moment, one has, and the others are told so', async t => {
  const { page, patient } = await enrolled('Noor')
  const { sent } = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE consent IN SHARE MODE`)
    const sent = [first, second].map(by => by.sendFile(page, scan(), page, signed))
    await someoneWaits(connection, 2)
    return { sent }
  })
  const answers = await Promise.all(sent)
  t.equal(answers.filter(({ status }) => status === 303).length, 1)
  const afterwards = await second.post(page, { _csrf: await tokenIn(second), ...signed })
  for (const late of [...answers.filter(({ status }) => status !== 303), afterwards])
    t.match(
      [late.status, late.body.match(/<title>.*<\/title>/)?.[0], wordsOf(late)],
      [409, /Problem/, /A consent of this patient was recorded since you opened the form, so what you sent was not\./],
    )
  t.match(await consentsOf(patient), [{ status: 'proposed' }])
})

t.test('only what was shown to the person who confirms is confirmed', async t => {
  const { page, patient } = await enrolled('Eve')
  await first.sendFile(page, scan(), page, signed)
  const { body } = await second.get(page)
  const shown = { _csrf: await tokenIn(second), recorded: /name="recorded" value="([^"]*)"/.exec(body)?.[1] ?? '' }
  await first.send(page, {}, `${page}/discard`)
  await first.sendFile(page, scan(), page, { ...signed, 'omh:body-weight@any': 'yes' })
  const answer = await second.post(`${page}/confirm`, shown)
  t.match([answer.status, wordsOf(answer)], [409, /recorded anew since it was shown to you/])
  t.match((await consentsOf(patient)).map(({ status }: { status: string }) => status).sort(), ['inactive', 'proposed'])
})

t.test('only what was shown to the person who discards is discarded', async t => {
  const { page, patient } = await enrolled('Tess')
  const statuses = async () => (await consentsOf(patient)).map(({ status }: { status: string }) => status).sort()
  const shownNow = async () => ({
    _csrf: await tokenIn(second),
    recorded: /name="recorded" value="([^"]*)"/.exec((await second.get(page)).body)?.[1] ?? '',
  })
  await first.sendFile(page, scan(), page, signed)
  const old = await shownNow()
  await first.send(page, {}, `${page}/discard`)
  await first.sendFile(page, scan(), page, signed)
  for (const sent of [old, { _csrf: old._csrf }]) {
    const answer = await second.post(`${page}/discard`, sent)
    t.match(
      [answer.status, wordsOf(answer)],
      [409, /recorded anew since it was shown to you: discard this one only if it is wrong as well/],
    )
    t.same(await statuses(), ['inactive', 'proposed'])
  }
  const now = await shownNow()
  const sent = ['confirm', 'discard', 'confirm', 'discard'].map(action => second.post(`${page}/${action}`, now))
  const atOnce = await Promise.all(sent)
  t.equal(atOnce.filter(({ status }) => status === 303).length, 1, 'one of them is done')
  t.notMatch(atOnce.map(wordsOf).join(), /If-Match/, 'and the others are told so in words of the page')
  t.notOk((await statuses()).includes('proposed'))
})

t.test('a paper from before the patient left does not count, though they were enrolled anew', async t => {
  const { page, patient } = await enrolled('Lea')
  await first.sendFile(page, scan(), page, signed)
  const place = (await send('everything', 'GET', `ResearchSubject?patient=Patient/${patient}`)).json().entry[0].resource
  await update(lab.manager, { ...place, status: 'withdrawn' })
  const { id, meta, ...anew } = place
  const { id: back } = await create(lab.manager, anew)
  const now = `/studies/${study.id}/people/${back}/paper`
  for (const at of [page, now]) {
    const shown = await second.get(at)
    t.match(wordsOf(shown), /They have left the study since this was recorded.* Discard this record/)
    t.notMatch(shown.body, `${at}/confirm`)
  }
  const [waiting] = await consentsOf(patient)
  const recorded = `${waiting.id}/${waiting.meta.versionId}`
  const answer = await second.post(`${now}/confirm`, { _csrf: await tokenIn(second), recorded })
  t.match([answer.status, wordsOf(answer)], [422, /They have left the study since this was recorded/])
  t.match(await consentsOf(patient), [{ status: 'proposed' }])
  t.equal((await second.send(now, {}, `${now}/discard`)).status, 303)
  const recordedSince = await first.sendFile(now, scan(), now, signed)
  t.match(
    [recordedSince.status, wordsOf(recordedSince)],
    [422, /left the study on .* only what was signed on a later day counts/],
  )
})

t.test('a paper from before the patient refused or withdrew does not count', async t => {
  const today = new Date().toISOString().slice(0, 10)
  const ends = {
    refused: async (own: string, { id, ...given }: { readonly id: string }) =>
      send(own, 'PUT', `Consent/${id}`, { ...given, id, status: 'rejected' }),
    deleted: async (own: string, { id }: { readonly id: string }) =>
      server.inject({ method: 'DELETE', url: `/fhir/Consent/${id}`, headers: { authorization: `Bearer ${own}` } }),
  }
  for (const [how, end] of Object.entries(ends)) {
    const { page, patient } = await enrolled(how)
    await first.sendFile(page, scan(), page, signed)
    const own = await patientToken(patient, 'patient/Consent.cruds')
    t.match((await end(own, (await consentsOf(patient))[0])).statusCode, /20[04]/, how)
    const again = await first.sendFile(page, scan(), page, signed)
    t.match(
      [again.status, wordsOf(again)],
      [422, new RegExp(`no, ended it or left the study on ${today}: .* a later day`)],
      how,
    )
    // The same day there, which for most of it is the day before in UTC.
    const timezone = 'Pacific/Kiritimati'
    const local = { ...signed, timezone, signedOn: dayOf(Date.now(), timezone) }
    const sameDay = await first.sendFile(page, scan(), page, local)
    t.match(
      [sameDay.status, wordsOf(sameDay)],
      [422, new RegExp(`no, ended it or left the study on ${local.signedOn}: .* a later day`)],
      how,
    )
    t.notMatch(await consentsOf(patient), [{ status: 'proposed' }], how)
  }
})

t.test(
  'the scan is read by those who ask people for their consent, and by the patient, but by no other staff',
  async t => {
    const { page, patient } = await enrolled('Fay')
    await first.sendFile(page, scan(), page, signed)
    const [{ extension }] = await consentsOf(patient)
    const url = extension[0].valueReference.reference
    t.equal((await send(await world.staffToken(study.researcher, 'user/*.cruds'), 'GET', url)).statusCode, 404)
    const asking = await world.staffToken({ ...cora, email: 'cora@example.org' }, 'user/*.cruds')
    t.equal((await send(asking, 'GET', url)).statusCode, 200)
    t.equal((await send(await patientToken(patient, 'patient/*.rs patient/Binary.r'), 'GET', url)).statusCode, 200)
  },
)

t.test('a discarded paper is over, with its reason; and no staff make a consent count with FHIR', async t => {
  const { page, patient } = await enrolled('Dana')
  await first.sendFile(page, scan(), page, signed)
  const [proposed] = await consentsOf(patient)
  t.ok(
    [403, 404].includes(
      (await send(lab.manager, 'PUT', `Consent/${proposed.id}`, { ...proposed, status: 'active' })).statusCode,
    ),
  )
  t.strictSame(await saidOf(page), ['candidate', proposed.id], 'it waits for a second person')
  const done = `/studies/${study.id}?done=discarded&subject=${page.split('/').at(-2)}`
  t.match(await second.send(page, {}, `${page}/discard`), { status: 303, location: done })
  t.match(
    wordsOf(await second.get(done)),
    / What was recorded from paper is discarded, and has no effect\. Patient Dana, born 31 May 1970 .* to confirm\. Check the next: .* Status /,
  )
  t.match(
    wordsOf(await second.get(`/studies/${study.id}?find=Dana`)),
    /Dana Has not answered yet\./,
    'the patient has answered nothing by it',
  )
  t.strictSame(await saidOf(page), ['candidate', undefined])
  t.notMatch(wordsOf(await second.get(`/studies/${study.id}?state=withdrawn`)), /Dana/)
  t.match(await consentsOf(patient), [
    { status: 'inactive', extension: [{}, { valueCodeableConcept: { text: /paper/ } }] },
  ])
})

t.test('a patient who ends what was recorded from paper has said no, also if their app says why', async t => {
  const { page, patient } = await enrolled('Nora')
  await first.sendFile(page, scan(), page, signed)
  const [proposed] = await consentsOf(patient)
  const why = { url: inactivationReason, valueCodeableConcept: { text: 'I have changed my mind' } }
  const ended = { ...proposed, status: 'inactive', extension: [...proposed.extension, why] }
  t.equal(
    (await send(await patientToken(patient, 'patient/Consent.cruds'), 'PUT', `Consent/${proposed.id}`, ended))
      .statusCode,
    200,
  )
  t.match(wordsOf(await second.get(`/studies/${study.id}?find=Nora`)), /Nora Has withdrawn\./)
  t.strictSame(await saidOf(page), ['candidate', proposed.id])
  const again = await first.sendFile(page, scan(), page, signed)
  t.match([again.status, wordsOf(again)], [422, /They have said no, ended it or left the study on/])
})

t.test('somebody who works in two organizations records paper, which belongs to that of the study', async t => {
  const ward = await institution('ward')
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${cora.practitioner}` },
    organization: { reference: `Organization/${ward.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  })
  const { page, patient } = await enrolled('Twice')
  t.match(await first.sendFile(page, scan(), page, signed), { status: 303 })
  const tag = [{ system: ownerSystem, code: lab.organization }]
  t.match(await consentsOf(patient), [{ status: 'proposed', meta: { tag } }])
})

t.test(
  'whoever records it while the connection to the database is lost is not told that somebody else did',
  async t => {
    const wire = await openBreakingWire(world.url)
    const breaking = await serverOver(t, wire)
    const own = openBrowser(breaking)
    own.cookies.set('sharewell-session', first.cookies.get('sharewell-session') ?? '')
    const { page } = await enrolled('Abe')
    await own.get(page)
    wire.cutAt('COMMIT')
    const lost = await own.sendFile(page, scan(), page, signed)
    t.equal(lost.status, 500)
    t.match(wordsOf(lost), /What you sent may have been done all the same: look before you send it again/)
  },
)

t.test(
  'a paper that names some devices is recorded with these alone, and whoever confirms it sees to which',
  async t => {
    const watch = await create('everything', {
      resourceType: 'Device',
      deviceName: [{ name: 'Wrist watch', type: 'user-friendly-name' }],
      extension: [{ url: extensions.deliveredData, valueCoding: { system: systems.omh, code: 'omh:heart-rate' } }],
    })
    const { page, patient } = await enrolled('Wanda')
    t.match(wordsOf(await first.get(page)), 'It is shared from these devices alone: Wrist watch It is not shared')
    const some = { ...signed, 'omh:heart-rate@any': 'some' }
    const none = await first.sendFile(page, scan(), page, some)
    t.match([none.status, wordsOf(none)], [422, 'Tick the devices from which the paper shares it, for Heart rate'])
    await first.sendFile(page, scan(), page, { ...some, [`omh:heart-rate@any-of-${watch.id}`]: 'yes' })
    const shown = wordsOf(await second.get(page))
    t.match(
      shown,
      /Heart rate, from Wrist watch: measured from 1 March 2026 .* Body weight, from any device: not shared/,
    )
    t.notMatch(shown, 'Heart rate, from any device')
    await second.send(page, {}, `${page}/confirm`)
    const [given] = await consentsOf(patient)
    t.match(given, {
      status: /^active$/,
      provision: { provision: [{ data: [{ reference: { reference: `Device/${watch.id}` } }] }] },
    })
  },
)

t.test('whoever confirms is led to the next paper that waits for them, and two of them not to the same', async t => {
  const many = await studySince('2026-02-01T12:00:00Z', 'many')
  for (const { practitioner } of [cora, dora]) await named(many, practitioner)
  const third = await signedIn(await coordinator('Flora', many))
  await extended(many, { url: extensions.paperConsent, valueBoolean: true })
  const recordedBy = async (browser: typeof first, name: string) => {
    const { page } = await enrolled(name, many)
    await browser.sendFile(page, scan(), page, signed)
    return page
  }
  const una = await recordedBy(first, 'Una')
  const vic = await recordedBy(first, 'Vic')
  const wim = await recordedBy(first, 'Wim')
  const xia = await recordedBy(first, 'Xia')
  const from = '?state=paper&sort=enrolment'
  const shown = async (browser: typeof first, page: string) => ({
    _csrf: await tokenIn(browser),
    recorded: /name="recorded" value="([^"]*)"/.exec((await browser.get(page)).body)?.[1] ?? '',
  })
  const confirm = async (browser: typeof first, page: string) =>
    browser.get((await browser.post(`${page}/confirm${from}`, await shown(browser, page))).location ?? '')

  const seenByThird = await shown(third, wim)
  const confirmed = await confirm(second, wim)
  t.match(
    wordsOf(confirmed),
    /is confirmed, and takes effect now\. Patient Wim, .* 3 papers wait for you to confirm\. Check the next: Vic /,
  )
  t.match(confirmed.body, `<a href="${vic}?state=paper&amp;sort=enrolment&amp;at=1">Check the next: Vic</a>`)
  const late = await third.post(`${wim}/confirm${from}`, seenByThird)
  t.match(
    [late.status, wordsOf(late)],
    [
      409,
      /It was confirmed before you pressed the button, and takes effect already: .* Patient Wim, .* 3 papers wait for you to confirm\. Check the next: Una /,
    ],
  )
  t.match(wordsOf(await third.get(`${wim}${from}`)), /They share by this paper\..* 3 papers wait for you to confirm\./)
  t.notMatch(wordsOf(await third.get(wim)), /wait for you/, 'only for somebody who comes from what waits')

  const found = async (text: string) => wordsOf(await third.get(`${wim}?state=paper&find=${text}`))
  t.match(await found('Vi'), / One paper of the people found by “Vi” waits for you to confirm\. Check the next: Vic /)
  t.match(await found('Wim'), / No other paper of the people found by “Wim” waits for you to confirm it\./)

  await recordedBy(second, 'Yan')
  t.match(wordsOf(await confirm(second, vic)), / 2 papers wait for you to confirm\./, 'without what they have recorded')
  t.match(wordsOf(await confirm(second, una)), / One paper waits for you to confirm\. Check the next: Xia /)
  t.match(wordsOf(await confirm(second, xia)), / No other paper waits for you to confirm it\./)
  const done = `/studies/${many.id}?done=confirmed&subject=${wim.split('/').at(-2)}`
  t.notMatch(wordsOf(await (await signedIn(many.researcher)).get(done)), /waits? for you/, 'nobody else is led there')
})

t.test('a paper that is left for later comes again after all others', async t => {
  const piled = await studySince('2026-02-01T12:00:00Z', 'piled')
  for (const { practitioner } of [cora, dora]) await named(piled, practitioner)
  await extended(piled, { url: extensions.paperConsent, valueBoolean: true })
  const recordedFor = async (name: string) => {
    const { page } = await enrolled(name, piled)
    await first.sendFile(page, scan(), page, signed)
    return page
  }
  const early = await recordedFor('Early')
  const amid = await recordedFor('Amid')
  const late = await recordedFor('Late')
  const from = '?state=paper&sort=enrolment'
  const onward = /(?:Or leave it for later\. |to confirm\. )<a href="([^"]*)">Check the next: (\w+)/
  const ledOn = ({ body }: { readonly body: string }) => {
    const [, url = '', name = ''] = onward.exec(body) ?? []
    return { url: url.replaceAll('&amp;', '&'), name }
  }
  const confirm = async (url: string) => {
    const recorded = /name="recorded" value="([^"]*)"/.exec((await second.get(url)).body)?.[1] ?? ''
    const [page = '', query = ''] = url.split('?')
    const sent = await second.post(`${page}/confirm?${query}`, { _csrf: await tokenIn(second), recorded })
    return second.get(sent.location ?? '')
  }

  t.notMatch(wordsOf(await second.get(late)), /leave it for later/, 'only for somebody who comes from what waits')
  t.notMatch(wordsOf(await first.get(late + from)), /leave it for later/, 'nor for whoever has recorded it')
  const afterLate = ledOn(await second.get(`${late}${from}&at=0`))
  t.same(afterLate, { url: `${amid}${from}&at=1`, name: 'Amid' })
  for (const at of ['', '&at=999999', '&at=-1', '&at=1e9', '&at=0&at=2', '&at=%00'])
    t.match(ledOn(await second.get(late + from + at)), { name: /^(Amid|Early)$/ }, `no address leads nowhere: ${at}`)
  t.same(ledOn(await second.get(afterLate.url)), { url: `${early}${from}&at=2`, name: 'Early' })
  const afterAmid = ledOn(await confirm(afterLate.url))
  t.same(afterAmid, { url: `${early}${from}&at=1`, name: 'Early' }, 'not to what was left')
  const afterEarly = ledOn(await confirm(afterAmid.url))
  t.same(afterEarly, { url: `${late}${from}&at=0`, name: 'Late' }, 'what was left comes when there is nothing else')
  t.notMatch(wordsOf(await second.get(afterEarly.url)), /leave it for later/, 'and nothing comes after the last')
})

t.test('if the study takes no paper any more, what waits is shown and discarded, and not confirmed', async t => {
  const over = await studySince('2026-02-01T12:00:00Z', 'over')
  for (const { practitioner } of [cora, dora]) await named(over, practitioner)
  await extended(over, { url: extensions.paperConsent, valueBoolean: true })
  const { page, patient } = await enrolled('Zoe', over)
  await first.sendFile(page, scan(), page, signed)
  const recorded = /name="recorded" value="([^"]*)"/.exec((await second.get(page)).body)?.[1] ?? ''
  await second.send(`/studies/${over.id}/settings/paper`, {})
  const why = /By its settings, the study takes no paper any more: discard this, or wait until it takes paper again\./
  const shown = await second.get(page)
  t.match([shown.status, wordsOf(shown)], [200, why])
  t.notMatch(shown.body, 'Confirm that this was signed')
  const answer = await second.post(`${page}/confirm`, { _csrf: await tokenIn(second), recorded })
  t.match([answer.status, wordsOf(answer)], [422, why])
  t.match(await consentsOf(patient), [{ status: 'proposed' }])
  t.equal((await second.send(page, {}, `${page}/discard`)).status, 303)
  t.match(await consentsOf(patient), [{ status: 'inactive' }])
  t.equal((await second.get(page)).status, 404)
})
