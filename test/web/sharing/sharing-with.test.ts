import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Consent, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, type Shown, wordsOf } from '../../support/browser.ts'
import { clinicalConsent } from '../../support/clinical-consent.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { hearts, hiddenOf, openCare, steps, weight } from './care-world.ts'

const world = await openCare()
const {
  band,
  browserOf,
  clinic,
  clinician,
  consentsOf,
  create,
  database,
  lab,
  measured,
  patientToken,
  preview,
  send,
  sign,
  somebody,
  update,
} = world
t.teardown(world.close)
t.setTimeout(280_000)

const cora = await clinician('Dr Cora Vane')
/** Heart rates of the band from February on, and all steps. */
const chosen = {
  [hearts]: 'some',
  [`${hearts}-of-${band}`]: 'yes',
  [`${hearts}-from`]: '2026-02-01',
  [`${hearts}-until`]: '2050-12-31',
  [steps]: 'yes',
  [`${steps}-from`]: '2026-01-01',
  [weight]: 'no',
}
/** The same person, whose browser asks for Spanish from now on. */
const inSpanish = ({ cookies }: Browser): Browser => {
  const spanish = world.browser('es')
  for (const [name, value] of cookies) spanish.cookies.set(name, value)
  return spanish
}
const personOf = async (patient: string): Promise<string> =>
  (await database.one<{ person: string }>(sql.fragment`SELECT person FROM person_patient WHERE patient = ${patient}`))
    .person
/** What an app proposes that names nothing yet. */
const proposedTo = (patient: string, practitioner: string): Consent => ({
  resourceType: 'Consent',
  status: 'proposed',
  scope: { coding: [{ code: 'patient-privacy' }] },
  category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
  patient: { reference: `Patient/${patient}` },
  policyRule: { coding: [{ system: systems.consentPolicy, code: 'deny-unless-permitted' }] },
  provision: {
    type: 'deny',
    actor: [{ role: { coding: [{ code: 'IRCP' }] }, reference: { reference: `Practitioner/${practitioner}` } }],
  },
})
const anonymous = ({ status, body }: Shown) => [
  status,
  body.replace(/this number: [\w-]+/, '').replaceAll(/name="_csrf" value="[^"]*"/g, ''),
]

t.test('a patient shares with a clinician, who reads exactly that, and nothing once it is stopped', async t => {
  const { browser: own, patient, hearts: beats, steps: walked } = await somebody('Ana')
  t.same(await cora.reads(), [])
  const { shown, answer } = await sign(own, cora.page, chosen)
  t.match(
    wordsOf(shown),
    /With these choices, these people could see these readings: These people Dr Cora Vane People may look with an app\. It sees no more than whoever uses it\. These readings Heart rate, from Tidewell band: measured from 1 February 2026 \(UTC\), until 31 December 2050 \(UTC\)\. So far there is 1 reading of it that they could see\. Step count, from any device: measured from 1 January 2026 \(UTC\)\. So far there is 1 reading of it that they could see\. What is measured until the last day can be seen after it, too, as long as you share it\. What they learn of you the name with which you sign/,
  )
  t.match(answer, { status: 303, location: `${cora.page}?done=signed&timezone=UTC` })
  t.match(
    wordsOf(await own.get(answer.location ?? '')),
    /It is signed\. You share what you chose with Dr Cora Vane, from now on/,
  )
  t.same(await cora.reads(), [beats[1], walked].toSorted())
  t.same(await cora.reads('Patient'), [], 'who it is, the Consent alone tells')

  const all = await own.get('/sharing')
  const [, heartTick = ''] = /name="stop" value="([^"]*heart-rate[^"]*)"/.exec(all.body) ?? []
  await own.post('/sharing', { ...hiddenOf(all.body, '/sharing'), stop: heartTick })
  t.same(await cora.reads(), [walked])
  const page = await own.get(cora.page)
  t.match(
    page.body,
    `<input class="form-check-input" type="radio" id="${hearts}-no" name="${hearts}" value="no" checked>`,
  )
  t.match(
    page.body,
    `<input class="form-check-input" type="radio" id="${steps}-yes" name="${steps}" value="yes" checked>`,
  )
  const stopped = await own.post(`${cora.page}/decline`, hiddenOf(page.body, cora.page))
  t.match(stopped, { status: 303, location: `${cora.page}?done=stopped` })
  t.match(
    wordsOf(await own.get(stopped.location ?? '')),
    /You share nothing with Dr Cora Vane now\. Your copy, to print or keep It says what you shared, and until when\./,
  )
  t.same(await cora.reads(), [])
  const statuses = async () => (await consentsOf(patient.id)).map(({ status }) => status)
  t.same(await statuses(), ['inactive'])
  const again = hiddenOf((await own.get(cora.page)).body, cora.page)
  t.match(await own.post(`${cora.page}/decline`, again), { status: 303 })
  t.same(await statuses(), ['inactive'], 'stopping once more does not turn what was given into a no')
})

t.test('what is signed is kept whole: what is given to whom, the very text, and the name that was typed', async t => {
  const { browser: own, patient } = await somebody('Belén')
  const dora = await clinician('Dora Ruiz')
  await sign(own, dora.page, chosen, 'Belén Soto')
  const [{ id, meta, dateTime, sourceAttachment, ...consent } = {} as Consent] = await consentsOf(patient.id)
  const { data = '', hash, ...text } = sourceAttachment ?? {}
  const terminology = 'http://terminology.hl7.org/CodeSystem'
  const recipient = (more: object) => ({
    role: { coding: [{ system: `${terminology}/v3-ParticipationType`, code: 'IRCP' }] },
    reference: { reference: `Practitioner/${dora.id}`, ...more },
  })
  const permit = (code: string, text: string, more: object) => ({
    type: 'permit',
    actor: [recipient({ display: 'Dora Ruiz' })],
    action: [{ coding: [{ system: `${terminology}/consentaction`, code: 'access' }] }],
    purpose: [{ system: `${terminology}/v3-ActReason`, code: 'TREAT' }],
    code: [{ coding: [{ system: systems.omh, code }], text }],
    ...more,
  })
  t.strictSame(consent, {
    resourceType: 'Consent',
    language: 'en',
    status: 'active',
    scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: systems.loinc, code: '59284-0' }] }],
    patient: { reference: `Patient/${patient.id}`, display: 'Belén Soto' },
    policyRule: { coding: [{ system: systems.consentPolicy, code: 'deny-unless-permitted' }] },
    provision: {
      type: 'deny',
      actor: [recipient({})],
      provision: [
        permit('omh:heart-rate', 'Heart rate', {
          data: [{ meaning: 'instance', reference: { reference: `Device/${band}` } }],
          dataPeriod: { start: '2026-02-01T00:00:00.000Z', end: '2050-12-31T23:59:59.999Z' },
        }),
        permit('omh:step-count', 'Step count', { dataPeriod: { start: '2026-01-01T00:00:00.000Z' } }),
      ],
    },
  })
  t.same(text, { contentType: 'text/plain', language: 'en', title: 'Sharing readings with Dora Ruiz' })
  t.equal(hash, createHash('sha1').update(Buffer.from(data, 'base64')).digest('base64'))
  t.match(
    Buffer.from(data, 'base64').toString(),
    /^KEY FACTS\n\nYou share readings.*WHO RECEIVES WHAT, AND WHY\n\nDora Ruiz receives.*HOW LONG IT GOES ON\n\n.*HOW YOU STOP, AND WHAT HAPPENS THEN\n\n.*WHOM TO ASK\n\nDora Ruiz, \+1 555 0100$/s,
  )
  const self = await patientToken(patient.id, 'patient/*.rs user/Provenance.rs')
  const [{ resource: provenance }] = (await send(self, 'GET', `Provenance?target=Consent/${id}`)).json().entry
  t.match(provenance, {
    target: [{ reference: `Consent/${id}/_history/1` }],
    activity: { coding: [{ code: 'signed' }] },
    entity: [{ role: 'source', what: { identifier: { value: hash }, display: 'Sharing readings with Dora Ruiz' } }],
    signature: [{ type: [{ display: 'Consent Signature' }], who: { display: 'Belén Soto' } }],
  })
})

t.test(
  'kinds of which somebody has readings come first, with the devices that sent them; of all others nothing is shared',
  async t => {
    const { browser: own, patient } = await somebody('Cleo')
    const eva = await clinician('Eva Lind')
    const page = await own.get(eva.page)
    t.equal(page.status, 200)
    t.match(
      wordsOf(page),
      /Share with Eva Lind Here you decide whether Eva Lind may see your readings, to treat and advise you\. It is your choice, and you can change it or stop it at any time\. Who it is Eva Lind How to reach them \+1 555 0100 Who could see it Eva Lind, also if they work somewhere else later What they learn of you the name with which you sign, so that they know whose readings these are, and nothing else of your record lab, where you are registered, knows who you are in any case If you stop they see nothing here any more of what you have stopped, from that moment on/,
    )
    t.match(
      wordsOf(page),
      /Your readings Body weight, from any device Newest: 13 February 2026 at 12:00 UTC .* Heart rate, from any device Newest: 11 February 2026 at 12:00 UTC Share it Share it from these devices alone: Tidewell band Do not share it .* Step count, from any device Newest: 12 February 2026 at 12:00 UTC, from Tidewell band .* Other kinds, of which you have no readings yet .* Blood glucose/,
    )
    t.match(page.body, /name="omh:blood-glucose@any" value="no" checked/)
    t.notMatch(page.body, /name="omh:heart-rate@any" value="\w+" checked/, 'nothing is chosen for them')
    const unanswered = await own.send(eva.page, { [weight]: 'no' }, eva.page)
    t.equal(unanswered.status, 422)
    t.match(
      wordsOf(unanswered),
      /Say whether you share Heart rate, from any device Say whether you share Step count, from any device/,
    )
    const nothing = await own.send(eva.page, { [hearts]: 'no', [steps]: 'no', [weight]: 'no' }, eva.page)
    t.equal(nothing.status, 422)
    t.match(wordsOf(nothing), /You have chosen to share nothing\. Choose something, or cancel\./)
    t.match(nothing.body, '<a class="btn btn-primary" href="/sharing">Cancel, and share nothing</a>')
    t.same(await consentsOf(patient.id), [])
  },
)

t.test(
  'whoever types no name to sign, an invisible one or one that is too long signs nothing, and is told so',
  async t => {
    const { browser: own, patient } = await somebody('Nelly')
    const pat = await clinician('Pat Lund')
    for (const [name, told] of [
      [' ', /Type your name to sign/],
      ['\u202e\u200b', /Type your name to sign/],
      ['x'.repeat(201), /at most 200 characters/],
    ] as const) {
      const { answer } = await sign(own, pat.page, chosen, name)
      t.match([answer.status, wordsOf(answer)], [422, told])
    }
    t.same(await consentsOf(patient.id), [])
  },
)

t.test('what was entered in error is no reading, and its kind is among the others', async t => {
  const { browser: own, patient, weight: weighed } = await somebody('Cilla')
  const elin = await clinician('Elin Dahl')
  const mistaken: Observation = (await send('everything', 'GET', `Observation/${weighed}`)).json()
  await update('everything', { ...mistaken, status: 'entered-in-error' })
  await create<Observation>('everything', {
    ...(await send('everything', 'GET', `Observation?code=8867-4&patient=${patient.id}`)).json().entry[0].resource,
    id: undefined,
    status: 'cancelled',
    effectiveDateTime: '2026-02-20T12:00:00Z',
  })
  const page = await own.get(elin.page)
  t.match(
    wordsOf(page),
    /Your readings Heart rate, from any device Newest: 11 February 2026 .* Step count, from any device Newest: 12 February 2026 .* Other kinds/,
  )
  t.match(page.body, `name="${weight}" value="no" checked`)
})

t.test('a reading that a device with a wrong clock has dated in the future is not called the newest', async t => {
  const { browser: own, patient } = await somebody('Clio')
  const elke = await clinician('Elke Roth')
  const next = `${new Date().getFullYear() + 1}`
  await measured(patient.id, '8867-4', `${next}-02-10`, band)
  await measured(patient.id, '8310-5', `${next}-02-10`)
  const page = wordsOf(await own.get(elke.page))
  t.match(page, /Heart rate, from any device Newest: 11 February 2026 at 12:00 UTC Share it/)
  t.match(page, /Your readings Body temperature, from any device Share it/, 'it is a reading of theirs all the same')
  t.notMatch(page, next)
})

t.test(
  'who has readings of too many kinds is shown those of the newest, and told that there may be others',
  async t => {
    const { browser: own, hearts: found, loose } = await somebody('Clotilde')
    const elsa = await clinician('Elsa Berg')
    const long = JSON.stringify({ note: [{ text: 'x'.repeat(12_000_000) }] })
    await database.run(
      sql.fragment`UPDATE observation SET content = content || ${long}::jsonb WHERE id = ANY (${sql.array([...found, loose], 'text')})`,
    )
    const page = wordsOf(await own.get(elsa.page))
    t.match(
      page,
      /Your readings Body weight, from any device Newest: 13 February 2026 .* Heart rate, from any device Newest: 11 February/,
    )
    t.match(page, 'Other kinds, of which you may have readings as well')
    t.notMatch(page, 'of which you have no readings yet')
  },
)

t.test('whoever is unknown, inactive or without a name, and whoever is no patient, finds nobody', async t => {
  const { browser: own } = await somebody('Dina')
  const gone = await create('everything', { resourceType: 'Practitioner', active: false, name: [{ text: 'Gone' }] })
  const nameless = await create('everything', { resourceType: 'Practitioner' })
  const unseen = await create('everything', { resourceType: 'Practitioner', name: [{ text: '\u3164\u200b' }] })
  const hidden = await create('everything', { resourceType: 'Organization', name: '\u{e0055}' })
  const closed = await create('everything', { resourceType: 'Organization', active: false, name: 'Closed' })
  const none = anonymous(await own.get('/sharing/with/practitioner/nothing'))
  t.equal(none[0], 404)
  t.match(none[1], 'There is nobody here to share with')
  for (const one of [
    `practitioner/${gone.id}`,
    `practitioner/${nameless.id}`,
    `practitioner/${unseen.id}`,
    `organization/${hidden.id}`,
    `practitioner/${clinic.organization}`,
    `organization/${closed.id}`,
    `organization/${cora.id}`,
    'organization/nothing',
    'organization/%00',
  ])
    t.strictSame(anonymous(await own.get(`/sharing/with/${one}`)), none, one)
  const staff = await browserOf(cora.person)
  for (const page of [cora.page, '/sharing/with']) t.equal((await staff.get(page)).status, 404, page)
})

t.test('what was signed is shown as it was signed, whatever is said later', async t => {
  const { browser: own, patient } = await somebody('Elsa')
  const fay = await clinician('Fay Old')
  await sign(own, fay.page, chosen)
  const [signed] = await consentsOf(patient.id)
  const stored = (await send('everything', 'GET', `Practitioner/${fay.id}`)).json()
  await update('everything', { ...stored, name: [{ text: 'Fay New' }] })
  const page = wordsOf(await own.get(fay.page))
  t.match(
    page,
    /Share with Fay New You share data with Fay New now\. Your copy, to print or keep The text has changed since you signed\. What you agreed to then still holds, and no more\./,
  )
  const copy = wordsOf(await own.get(`${fay.page}/copy`))
  t.match(
    copy,
    /Your consent Shared with Fay Old Name Elsa Signed .* Name typed Ana C\. Fingerprint of the text \(SHA-1\) .* What you share Heart rate, from Tidewell band: measured from 1 February 2026 \(UTC\), until 31 December 2050 \(UTC\) Step count, from any device: measured from 1 January 2026 \(UTC\) What you signed KEY FACTS You share readings of your own devices with Fay Old, for your care\./,
  )
  t.notMatch(copy, 'KEY FACTS You share readings of your own devices with Fay New')
  t.equal((await fay.reads()).length, 2)
  await sign(own, fay.page, chosen)
  const [anew] = await consentsOf(patient.id)
  t.not(anew?.sourceAttachment?.hash, signed?.sourceAttachment?.hash)
  t.notMatch(wordsOf(await own.get(fay.page)), 'The text has changed since you signed')
  const file = await own.get(`${fay.page}/copy?file=`)
  t.match(file.headers['content-disposition'], /attachment; filename="consent\.html"/)
  t.match(wordsOf(file), 'Shared with Fay New')
})

t.test('whoever is not here any more is given nothing new, and what was given can be stopped and read', async t => {
  const { browser: own } = await somebody('Frida')
  const gil = await clinician('Gil Pace')
  await sign(own, gil.page, chosen)
  const stored = (await send('everything', 'GET', `Practitioner/${gil.id}`)).json()
  await update('everything', { ...stored, active: false })
  const page = await own.get(gil.page)
  t.match(
    wordsOf(page),
    /You share data with Gil Pace now\. Your copy, to print or keep Nothing new can be shared with Gil Pace here\. What you share now goes on until you stop it\./,
  )
  t.notMatch(page.body, 'id="choices"')
  t.equal((await own.post(gil.page, { ...hiddenOf(page.body, `${gil.page}/decline`), ...chosen })).status, 409)
  t.match(await own.post(`${gil.page}/decline`, hiddenOf(page.body, `${gil.page}/decline`)), { status: 303 })
  t.same(await gil.reads(), [])
  t.match(
    wordsOf(await own.get(gil.page)),
    /You share nothing with Gil Pace now\. Your copy, to print or keep It says what you shared, and until when\. Nothing new can be shared with Gil Pace here\. Who it is/,
  )
  t.equal((await own.get(`${gil.page}/copy`)).status, 200)
})

t.test('what was signed can be read as a copy also after a no that an app has sent', async t => {
  const { browser: own, patient } = await somebody('Gesa')
  const gro = await clinician('Gro Dahl')
  await sign(own, gro.page, chosen)
  await own.post(`${gro.page}/decline`, hiddenOf((await own.get(gro.page)).body, gro.page))
  const self = await patientToken(patient.id, 'patient/Consent.cruds')
  const given = clinicalConsent(patient.id, { to: `Practitioner/${gro.id}`, kinds: ['omh:heart-rate'] })
  await create(self, { ...given, status: 'rejected' })
  t.match(
    wordsOf(await own.get(gro.page)),
    /You have said no\. You share nothing with Gro Dahl\. Your copy, to print or keep/,
  )
  t.match(wordsOf(await own.get(`${gro.page}/copy`)), /Name typed Ana C\. Ended .* What you shared Heart rate/)
})

t.test('what is given is shown as given, and can be stopped, also if what has ended was written since', async t => {
  const { browser: own, patient } = await somebody('Gitte')
  const gunn = await clinician('Gunn Moe')
  const stop = async (shown: Shown) => own.post(`${gunn.page}/decline`, hiddenOf(shown.body, gunn.page))
  await sign(own, gunn.page, chosen)
  await stop(await own.get(gunn.page))
  const [ended] = await consentsOf(patient.id)
  await sign(own, gunn.page, chosen)
  const written = await send('everything', 'PUT', `Consent/${ended?.id}`, { ...ended, language: 'en-GB' })
  t.equal(written.statusCode, 200)
  const shown = await own.get(gunn.page)
  t.match(wordsOf(shown), /You share data with Gunn Moe now/)
  await stop(shown)
  t.same(
    (await consentsOf(patient.id)).map(({ status }) => status),
    ['inactive', 'inactive'],
  )
})

t.test('what is given to one clinician is not chosen in the form for another', async t => {
  const { browser: own } = await somebody('Gudrun')
  const [gesche, gabor] = [await clinician('Gesche Voss'), await clinician('Gabor Kis')]
  const form = async () => (await own.get(gabor.page)).body.replaceAll(/<input type="hidden"[^>]*>/g, '')
  const before = await form()
  await sign(own, gesche.page, chosen)
  t.equal(await form(), before)
})

t.test(
  'what has changed since the page was opened is shown again, with what was chosen, and is not signed',
  async t => {
    const { browser: own, patient } = await somebody('Greta')
    const hana = await clinician('Hana Sol')
    const { hidden } = await preview(own, hana.page, chosen)
    const stored = (await send('everything', 'GET', `Practitioner/${hana.id}`)).json()
    await update('everything', { ...stored, telecom: [{ system: 'phone', value: '+1 555 0199' }] })
    const changed = await own.post(`${hana.page}/sign`, { ...hidden, name: 'Greta' })
    t.equal(changed.status, 409)
    t.match(
      wordsOf(changed),
      /What is said here of Hana Sol, or the text to sign, has changed since you opened this page/,
    )
    t.match(changed.body, `name="${hearts}" value="some" checked`)
    t.match(changed.body, '<input type="hidden" name="name" value="Greta">')
    t.same(await consentsOf(patient.id), [])

    const again = await preview(own, hana.page, chosen)
    await sign(own, hana.page, chosen)
    const late = await own.post(`${hana.page}/sign`, { ...again.hidden, name: 'Greta' })
    t.equal(late.status, 409)
    t.match(wordsOf(late), /Your answer has changed since you opened this page/)
    t.equal((await consentsOf(patient.id)).length, 1)

    const third = await preview(own, hana.page, chosen)
    const spanish = inSpanish(own)
    for (const [name, value] of own.cookies) spanish.cookies.set(name, value)
    const other = await spanish.post(`${hana.page}/sign`, { ...third.hidden, name: 'Greta' })
    t.equal(other.status, 409)
    t.match(wordsOf(other), /Esta página estaba en otro idioma/)
  },
)

t.test('what has changed since the page was opened is shown again before the choices are previewed', async t => {
  const { browser: own } = await somebody('Grete')
  const hans = await clinician('Hans Sol')
  const opened = async () => hiddenOf((await own.get(hans.page)).body, hans.page)
  const earlier = await opened()
  const stored = (await send('everything', 'GET', `Practitioner/${hans.id}`)).json()
  await update('everything', { ...stored, telecom: [{ system: 'phone', value: '+1 555 0199' }] })
  const changed = await own.post(hans.page, { ...earlier, ...chosen })
  t.match([changed.status, wordsOf(changed)], [409, /What is said here of Hans Sol, or the text to sign, has changed/])

  const unanswered = await opened()
  await sign(own, hans.page, chosen)
  const late = await own.post(hans.page, { ...unanswered, ...chosen })
  t.match([late.status, wordsOf(late)], [409, /Your answer has changed since you opened this page/])

  const english = await opened()
  const other = await inSpanish(own).post(hans.page, { ...english, ...chosen })
  t.match([other.status, wordsOf(other)], [409, /Esta página estaba en otro idioma/])
})

t.test('of two who sign at once one signs, and only one Consent is there', async t => {
  const { browser: own, patient } = await somebody('Hedda')
  const ida = await clinician('Ida Moss')
  const { hidden } = await preview(own, ida.page, chosen)
  const answers = await Promise.all([1, 2, 3].map(() => own.post(`${ida.page}/sign`, { ...hidden, name: 'Hedda' })))
  const signed = answers.filter(({ location }) => location?.includes('done=signed'))
  t.equal(signed.length, 1)
  for (const one of answers.filter(answer => !signed.includes(answer)))
    t.ok(one.status === 409 || one.location?.includes('done=overtaken'), `${one.status} ${one.location}`)
  t.same(
    (await consentsOf(patient.id)).map(({ status }) => status),
    ['active'],
  )
})

t.test('what is proposed at the very moment of signing is no answer, and keeps nobody from signing', async t => {
  const { browser: own, patient } = await somebody('Helle')
  const inga = await clinician('Inga Moss')
  // They know each other, so nothing but the signing itself waits.
  await create('everything', { ...proposedTo(patient.id, inga.id), status: 'entered-in-error' })
  const { hidden } = await preview(own, inga.page, chosen)
  const { signing } = await database.transaction(async connection => {
    await connection.run(sql.fragment`
      SELECT pg_advisory_xact_lock(hashtext('consent'), patient_id) FROM patient WHERE id = ${patient.id}`)
    const proposing = create('everything', proposedTo(patient.id, inga.id))
    await someoneWaits(connection)
    const signing = own.post(`${inga.page}/sign`, { ...hidden, name: 'Helle' })
    await someoneWaits(connection, 2)
    return { signing: Promise.all([signing, proposing]) }
  })
  const [answer] = await signing
  t.match(answer, { status: 303, location: /done=signed/ })
  t.match(await consentsOf(patient.id), [{ status: /^active$/ }])
})

t.test('who is written anew at the very moment of signing is shown before anything is signed', async t => {
  const { browser: own, patient } = await somebody('Heike')
  const jens = await clinician('Jens Old')
  await create('everything', { ...proposedTo(patient.id, jens.id), status: 'entered-in-error' })
  const { hidden } = await preview(own, jens.page, chosen)
  const stored = (await send('everything', 'GET', `Practitioner/${jens.id}`)).json()
  const { signing } = await database.transaction(async connection => {
    await connection.run(sql.fragment`
      SELECT pg_advisory_xact_lock(hashtext('consent'), patient_id) FROM patient WHERE id = ${patient.id}`)
    const signing = own.post(`${jens.page}/sign`, { ...hidden, name: 'Heike' })
    await someoneWaits(connection)
    await update('everything', { ...stored, name: [{ text: 'Jens New' }] })
    return { signing }
  })
  const answer = await signing
  t.match([answer.status, wordsOf(answer)], [409, /What is said here of Jens New, or the text to sign, has changed/])
  t.same(await jens.reads(), [])
})

t.test('whoever opens the page at the moment of signing is not told that there is nobody', async t => {
  const { browser: own } = await somebody('Hugo')
  for (const name of ['Ike Lund', 'Ivo Marsh', 'Ina Nash', 'Isa Orr']) {
    const { page } = await clinician(name)
    const { hidden } = await preview(own, page, chosen)
    const signing = own.post(`${page}/sign`, { ...hidden, name: 'Hugo' })
    // The page looks twice for whom it is about: the Consent may be there, or not yet be there, at either time.
    const reading = Array.from({ length: 12 }, (_, turn) => pause(8 * turn).then(() => own.get(page)))
    t.match(await signing, { location: /done=signed/ })
    t.same(
      (await Promise.all(reading)).map(({ status }) => status),
      reading.map(() => 200),
      name,
    )
  }
})

t.test('what an app gave stands in the form, and what is signed takes its place', async t => {
  const { browser: own, patient, weight: weighed } = await somebody('Inga')
  const jon = await clinician('Jon Ask')
  const self = await patientToken(patient.id, 'patient/*.cruds patient/Consent.cruds')
  await create(self, clinicalConsent(patient.id, { to: `Practitioner/${jon.id}`, kinds: ['omh:body-weight'] }))
  const page = await own.get(jon.page)
  t.match(wordsOf(page), /You share data with Jon Ask now/)
  t.match(page.body, `name="${weight}" value="yes" checked`)
  t.match(page.body, `name="${weight}-from" type="text" autocomplete="on"\n value="1 January 2000"`)
  t.ok((await jon.reads()).includes(weighed))
  const { shown } = await sign(own, jon.page, chosen)
  t.match(
    wordsOf(shown),
    /What ends if you sign You share this with Jon Ask now\. Once you sign, only what is listed above can be seen of it: Body weight, from any device: measured from 1 January 2000/,
  )
  t.notOk((await jon.reads()).includes(weighed))
  t.equal((await consentsOf(patient.id)).length, 1)
})

t.test('whoever acts for several chooses for whom, and gives nothing of the others', async t => {
  const [mine, child] = [await somebody('Judit'), await somebody('Jonas')]
  const kai = await clinician('Kai Holm')
  const person = await personOf(mine.patient.id)
  await database.run(sql.fragment`INSERT INTO person_patient (person, patient) VALUES (${person}, ${child.patient.id})`)
  const own = await browserOf(person)
  const asks = await own.get(kai.page)
  t.match(
    wordsOf(asks),
    /Whose readings do you share\? You act for several people\. Choose one: (Judit Jonas|Jonas Judit)/,
  )
  const page = `${kai.page}?record=${child.patient.id}`
  t.match(asks.body, `href="${page}"`)
  t.match(wordsOf(await own.get(page)), /Whose readings Jonas/)
  const { answer } = await sign(own, page, chosen, 'Jonas')
  t.equal(answer.location, `${kai.page}?record=${child.patient.id}&done=signed&timezone=UTC`)
  t.same(await kai.reads(), [child.hearts[1], child.steps].toSorted())
  t.same(await consentsOf(mine.patient.id), [])
  t.match((await own.get('/sharing')).body, `href="${page}"`)
  t.equal((await own.get(`${kai.page}/copy?record=${child.patient.id}`)).status, 200)
  t.equal((await own.get(`${kai.page}/copy?record=${mine.patient.id}`)).status, 404)
  const stranger = await somebody('Jule')
  t.equal(
    (
      await own.post(`${kai.page}/decline`, {
        ...hiddenOf((await own.get('/account')).body, '/sign-out'),
        record: stranger.patient.id,
      })
    ).status,
    409,
  )
})

t.test(
  'what was chosen for somebody for whom the person acts no more is not signed for another, nor stopped',
  async t => {
    const [mine, child] = [await somebody('Jette'), await somebody('Joris')]
    const kim = await clinician('Kim Rask')
    await sign(mine.browser, kim.page, chosen)
    const person = await personOf(mine.patient.id)
    await database.run(
      sql.fragment`INSERT INTO person_patient (person, patient) VALUES (${person}, ${child.patient.id})`,
    )
    const own = await browserOf(person)
    const page = `${kim.page}?record=${child.patient.id}`
    const { hidden } = await preview(own, page, { ...chosen, [weight]: 'yes' })
    await database.run(
      sql.fragment`DELETE FROM person_patient WHERE person = ${person} AND patient = ${child.patient.id}`,
    )
    const before = await consentsOf(mine.patient.id)
    for (const [path, body] of [
      [kim.page, hidden],
      [`${kim.page}/sign`, { ...hidden, name: 'Joris' }],
      [`${kim.page}/decline`, hidden],
    ] as const)
      t.equal((await own.post(path, body)).status, 404, path)
    for (const path of [page, `${kim.page}/copy?record=${child.patient.id}`])
      t.equal((await own.get(path)).status, 404, path)
    t.strictSame(await consentsOf(mine.patient.id), before)
    t.same(await consentsOf(child.patient.id), [])
  },
)

t.test('a copy names whom it is given to as they were called, whatever an app wrote beside their id', async t => {
  const { browser: own, patient } = await somebody('Jytte')
  const kurt = await clinician('Kurt Moe')
  const self = await patientToken(patient.id, 'patient/Consent.cruds')
  const given = clinicalConsent(patient.id, { to: `Practitioner/${kurt.id}`, kinds: ['omh:body-weight'] })
  const named = { reference: `Practitioner/${kurt.id}`, display: 'Somebody Else' }
  await create(self, {
    ...given,
    provision: JSON.parse(
      JSON.stringify(given.provision).replaceAll(JSON.stringify({ reference: named.reference }), JSON.stringify(named)),
    ),
  })
  t.match((await consentsOf(patient.id))[0]?.provision?.provision?.[0]?.actor?.[0]?.reference, named)
  const copy = wordsOf(await own.get(`${kurt.page}/copy`))
  t.match(copy, 'Shared with Kurt Moe Name Jytte')
  t.notMatch(copy, 'Somebody Else')
})

t.test(
  'what an app gives to somebody without a name is told, and can be stopped, without a way to a page that is none',
  async t => {
    const { browser: own, patient, weight: weighed } = await somebody('Jolanda')
    const nameless = await clinician(' ')
    const self = await patientToken(patient.id, 'patient/Consent.cruds')
    const given = clinicalConsent(patient.id, { to: `Practitioner/${nameless.id}`, kinds: ['omh:body-weight'] })
    await create(self, given)
    t.ok((await nameless.reads()).includes(weighed))
    t.equal((await own.get(nameless.page)).status, 404)
    const all = await own.get('/sharing')
    t.match(wordsOf(all), 'Body weight, from any device: measured from 1 January 2000')
    t.notMatch(all.body, nameless.page)
  },
)

t.test('of a long text by which an app calls a kind, the beginning is shown', async t => {
  const { browser: own, patient } = await somebody('Josefin')
  const liv = await clinician('Liv Strand')
  const self = await patientToken(patient.id, 'patient/Consent.cruds')
  const given = clinicalConsent(patient.id, { to: `Practitioner/${liv.id}`, kinds: ['omh:body-weight'] })
  const code = [{ coding: [{ system: systems.omh, code: 'app:mood' }], text: 'Mood '.repeat(1000) }]
  const provision = given.provision?.provision?.map(one => ({ ...one, code }))
  await create(self, { ...given, provision: { ...given.provision, provision } } as Consent)
  for (const page of ['/sharing', `${liv.page}/copy`]) {
    const { body } = await own.get(page)
    t.equal(body.match(/Mood /g)?.length, 40, page)
  }
})

t.test('a practitioner works at an organization as long as their role there goes on', async t => {
  const { browser: own, patient } = await somebody('Jorun')
  const lars = await clinician('Lars Vik', lab.organization)
  const roles = []
  for (const period of [{ end: '2020-01-01' }, { start: '2080-01-01' }, { start: '2020-01-01' }])
    roles.push(
      await create('everything', {
        resourceType: 'PractitionerRole',
        practitioner: { reference: `Practitioner/${lars.id}` },
        organization: { reference: `Organization/${lab.organization}` },
        period,
      }),
    )
  const says: boolean[] = []
  for (const { id } of roles) {
    const stored = (await send('everything', 'GET', `Patient/${patient.id}`)).json()
    await update('everything', { ...stored, generalPractitioner: [{ reference: `PractitionerRole/${id}` }] })
    says.push(wordsOf(await own.get(lars.page)).includes('Who it is Lars Vik Works at lab'))
  }
  t.same(says, [false, false, true])
})

t.test('what was proposed is said to be that, and a no to it is as near as a yes', async t => {
  const { browser: own, patient } = await somebody('Pia')
  await create('everything', proposedTo(patient.id, cora.id))
  const page = await own.get(cora.page)
  const shown = wordsOf(page)
  t.match(shown, /It was proposed that you share with Dr Cora Vane\. Nothing is shared until you sign\./)
  t.match(shown, /See what that means No, I do not share with Dr Cora Vane/)
  t.match(await own.post(`${cora.page}/decline`, hiddenOf(page.body, cora.page)), { status: 303 })
  t.match(wordsOf(await own.get(cora.page)), /You have said no\. You share nothing with Dr Cora Vane\./)
  t.match(await consentsOf(patient.id), [{ status: 'rejected' }])
  t.same(await cora.reads(), [])
})

t.test('two records of one human share together, by one Consent', async t => {
  const [mine, other] = [await somebody('Kaja'), await somebody('Katja')]
  const leo = await clinician('Leo Berg')
  await sign(mine.browser, leo.page, chosen)
  const link = [mine, other].map(({ patient }) => ({ target: { reference: `Patient/${patient.id}` } }))
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Kaja' }], link })
  const own = await browserOf(person)
  t.match(wordsOf(await own.get(leo.page)), /You share data with Leo Berg now/)
  t.equal((await leo.reads()).length, 4)
  await sign(own, leo.page, { [hearts]: 'no', [steps]: 'yes', [weight]: 'no', [`${steps}-from`]: '2026-01-01' })
  t.same(await leo.reads(), [mine.steps, other.steps].toSorted())
  t.equal((await consentsOf(mine.patient.id)).length, 1)
  t.same(await consentsOf(other.patient.id), [])
})

t.test('what another record of the same human gives is signed anew as given by that record', async t => {
  const [mine, other] = [await somebody('Kiara'), await somebody('Kira')]
  const lea = await clinician('Lea Berg')
  await sign(other.browser, lea.page, chosen)
  const link = [mine, other].map(({ patient }) => ({ target: { reference: `Patient/${patient.id}` } }))
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Kiara' }], link })
  const { answer } = await sign(await browserOf(person), lea.page, {
    [hearts]: 'no',
    [steps]: 'yes',
    [weight]: 'no',
    [`${steps}-from`]: '2026-01-01',
  })
  t.match(answer, { status: 303, location: /done=signed/ })
  t.same(await lea.reads(), [mine.steps, other.steps].toSorted())
  t.match(await consentsOf(other.patient.id), [{ status: 'active', meta: { versionId: '2' } }])
  t.same(await consentsOf(mine.patient.id), [])
})

t.test('an organization is read by the people who work there, and not by those of its parts', async t => {
  const { browser: own, hearts: beats, steps: walked } = await somebody('Karin')
  const part = await create('everything', {
    resourceType: 'Organization',
    name: 'Ward',
    partOf: { reference: `Organization/${clinic.organization}` },
  })
  const [inside, below] = [await clinician('Lea In'), await clinician('Lou Below', part.id)]
  const page = `/sharing/with/organization/${clinic.organization}`
  const before = await inside.reads()
  const { shown } = await sign(own, page, chosen)
  t.match(
    wordsOf(shown),
    /These people everybody who works at clinic, but nobody who only works in a part of it .* So far there is 1 reading of it that they could see\. Step count, from any device: measured from 1 January 2026 \(UTC\)\. So far there is 1 reading/,
  )
  t.same(
    (await inside.reads()).filter(id => !before.includes(id)),
    [beats[1], walked].toSorted(),
  )
  t.same(await below.reads(), [])
})

t.test('somebody begins with whom their records name, and with nobody else', async t => {
  const { browser: own, patient } = await somebody('Lena')
  const mia = await clinician('Mia Nord', lab.organization)
  const stored = (await send('everything', 'GET', `Patient/${patient.id}`)).json()
  await update('everything', { ...stored, generalPractitioner: [{ reference: `Practitioner/${mia.id}` }] })
  t.match((await own.get('/sharing')).body, '<a href="/sharing/with">Share with a clinician or an organization</a>')
  const listed = async () =>
    [
      ...(await own.get('/sharing/with')).body.matchAll(
        /<a href="(\/sharing\/with\/[^"]*)">([^<]*)<\/a>(?:<div>([^<]*))?/g,
      ),
    ].map(([, ...one]) => one)
  const labs = [`/sharing/with/organization/${lab.organization}`, 'lab', undefined]
  t.same(await listed(), [labs, [mia.page, 'Mia Nord', undefined]])
  await sign(own, cora.page, chosen)
  t.same(await listed(), [
    [cora.page, 'Dr Cora Vane', 'You share with them now.'],
    labs,
    [mia.page, 'Mia Nord', undefined],
  ])
})

t.test('in Spanish everything is in Spanish, and so is what is signed', async t => {
  const { browser, patient } = await somebody('Maya')
  const own = inSpanish(browser)
  const noa = await clinician('Noa Prat')
  const { shown, answer } = await sign(own, noa.page, chosen)
  t.match(
    wordsOf(shown),
    /estas personas podrían ver estas mediciones: Estas personas Noa Prat .* Frecuencia cardíaca, de Tidewell band: medido desde el 1 de febrero de 2026 \(UTC\)/,
  )
  t.match(
    wordsOf(await own.get(answer.location ?? '')),
    /Está firmado\. Desde ahora comparte con Noa Prat lo que ha elegido/,
  )
  const [consent] = await consentsOf(patient.id)
  t.match(consent, { language: 'es', sourceAttachment: { language: 'es', title: 'Compartir mediciones con Noa Prat' } })
  t.match(
    Buffer.from(consent?.sourceAttachment?.data ?? '', 'base64').toString(),
    /^LO MÁS IMPORTANTE\n\nUsted comparte con Noa Prat/,
  )
  t.match(
    wordsOf(await own.get(`${noa.page}/copy`)),
    /Su consentimiento Compartido con Noa Prat .* Lo que comparte .* LO MÁS IMPORTANTE/,
  )
})

t.test(
  'a link that is opened before signing in leads back there, and choices are kept past the end of a session',
  async t => {
    const { browser: own, email } = await somebody('Nora')
    const nobody = world.browser()
    t.match(await nobody.get(cora.page), {
      status: 303,
      location: `/sign-in?continue=${encodeURIComponent(cora.page)}`,
    })
    const { body } = await own.get(cora.page)
    own.cookies.delete('sharewell-session')
    const late = await own.post(cora.page, { ...hiddenOf(body, cora.page), ...chosen })
    const location = `/sign-in?continue=${encodeURIComponent(cora.page)}&unsaved=kept`
    t.match(late, { status: 303, location })
    const signedIn = await own.send(location, { email, password: 'seven green umbrellas sing' }, '/sign-in')
    const back = await own.get(signedIn.location ?? '')
    t.match(wordsOf(back), /What you chose is here again, and nothing of it is signed yet/)
    t.match(back.body, `name="${hearts}" value="some" checked`)
  },
)

t.test(
  'choices that were kept for somebody for whom the person acts no more are forgotten, and the page opens',
  async t => {
    const [mine, child] = [await somebody('Nadine'), await somebody('Nils')]
    const person = await personOf(mine.patient.id)
    await database.run(
      sql.fragment`INSERT INTO person_patient (person, patient) VALUES (${person}, ${child.patient.id})`,
    )
    const own = await browserOf(person)
    const page = `${cora.page}?record=${child.patient.id}`
    const { body } = await own.get(page)
    own.cookies.delete('sharewell-session')
    await own.post(cora.page, { ...hiddenOf(body, cora.page), ...chosen })
    t.ok(own.cookies.has('sharewell-choices'))
    await database.run(
      sql.fragment`DELETE FROM person_patient WHERE person = ${person} AND patient = ${child.patient.id}`,
    )
    for (const [name, value] of (await browserOf(person)).cookies) own.cookies.set(name, value)
    const opened = await own.get(cora.page)
    t.equal(opened.status, 200)
    t.notMatch(wordsOf(opened), /What you chose is here again/)
    t.notMatch(opened.body, `name="${hearts}" value="some" checked`)
    t.notOk(own.cookies.has('sharewell-choices'))
    t.same(await consentsOf(mine.patient.id), [])
  },
)

t.test('with whom something was shared once is listed, and leads back to where it can be shared again', async t => {
  const { browser: own, patient } = await somebody('Nieves')
  const [nur, nils] = [await clinician('Nur Aziz'), await clinician('Nils Berg')]
  await sign(own, nur.page, chosen)
  await sign(own, nils.page, chosen)
  const ended = /People and organizations with whom you share nothing now/
  t.notMatch(wordsOf(await own.get('/sharing')), ended)
  const { body } = await own.get(nur.page)
  await own.post(`${nur.page}/decline`, hiddenOf(body, nur.page))
  const all = await own.get('/sharing')
  t.match(
    wordsOf(all),
    /To Nils Berg .* People and organizations with whom you share nothing now Nur Aziz Share with a/,
  )
  t.match(all.body, `<a href="${nur.page}?record=${patient.id}">Nur Aziz</a>`)
  t.match(wordsOf(await own.get(`${nur.page}?record=${patient.id}`)), /You share nothing with Nur Aziz now\./)
  await sign(own, nur.page, chosen)
  t.notMatch(wordsOf(await own.get('/sharing')), ended)
})
