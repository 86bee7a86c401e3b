import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Observation, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { endSessions, startSession } from '../../../src/storage/account/session.ts'
import { at, heartRate, point, upload } from '../../mhealth/upload.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { readSlowly } from '../../support/slow-reader.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, create, update, institution, study, participant, pages } = await openStudies()
t.teardown(() => server.close())

const lab = await institution('lab')
const register = (name: string) =>
  create(lab.manager, {
    resourceType: 'Patient' as const,
    name: [{ text: name }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
const account = async (...patients: readonly string[]) => {
  const link = patients.map(patient => ({ target: { reference: `Patient/${patient}` } }))
  return (await create('everything', { resourceType: 'Person', ...(link.length > 0 && { link }) })).id
}
const signedIn = async (headers: Readonly<Record<string, string>>, ...patients: readonly string[]) => {
  const person = await account(...patients)
  const browser = openBrowser(server, { headers, remoteAddress: `10.8.0.${patients.length}` })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const [ann, bob] = [await register('Ann'), await register('Bob')]
const subject = (patient: string) => ({ subject: { reference: `Patient/${patient}` } })
const measured = (day: number, more: Partial<Observation>) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    ...subject(ann.id),
    effectiveDateTime: `2026-03-0${day}T12:00:00Z`,
    code: {},
    ...more,
  } as Observation)
const loinc = (code: string, text: string) => ({ coding: [{ system: 'http://loinc.org', code }], text })
const quantity = (value: number, unit: string, code = unit) => ({
  system: 'http://unitsofmeasure.org',
  value,
  unit,
  code,
})

const document = JSON.stringify({ ...heartRate(), more: 'as  it came' }, undefined, 1)
const pulse = await create('everything', {
  ...(upload(document, subject(ann.id)) as Observation),
  device: { display: 'Tidewell' },
})
await create('everything', upload(heartRate(99), subject(bob.id)) as Observation)
const pressure = await measured(2, {
  code: loinc('85354-9', 'Blood "pressure", both'),
  component: [
    { code: loinc('8480-6', '=Systolic()'), valueQuantity: quantity(120, 'mm[Hg]') },
    { code: loinc('8462-4', '-Diastolic'), valueQuantity: quantity(80.5, '@mmHg', 'mm[Hg]') },
  ],
})
const cold = await measured(3, { code: loinc('60830-9', 'Temperature'), valueQuantity: quantity(-1.5, 'Cel') })
const browser = await signedIn({}, ann.id)
const file = (name: string, by = browser) => by.get(`/account/data/${name}`)

t.test('a patient finds three files, each sent as a download', async t => {
  const page = await browser.get('/account/data')
  t.match(wordsOf(page), /Download your data .* Readings as a table \(readings\.csv\) .* Everything as FHIR/)
  t.match(
    wordsOf(page),
    /For your doctor, or on paper Open your record, choose the days, and print it with your browser, or save it as a PDF: it has the charts and the figures\. See your own record Or let your doctor look here: Share with a clinician or an organization/,
  )
  t.notMatch(page.body, / download/, 'a browser that is no longer signed in would save the sign-in page')
  t.match((await browser.get('/sharing')).body, '<a href="/account/data">Download all your data</a>')
  for (const [name, type] of [
    ['readings.csv', 'text/csv; charset=utf-8'],
    ['fhir.ndjson', 'application/fhir+ndjson; charset=utf-8'],
    ['open-mhealth.json', 'application/json; charset=utf-8'],
  ] as const) {
    const { status, headers } = await file(name)
    t.match([status, headers['content-type'], headers['cache-control']], [200, type, 'no-store'], name)
    t.equal(headers['content-disposition'], `attachment; filename="${name}"`)
  }
})

t.test('the table has one value per row, and no cell that a spreadsheet would calculate', async t => {
  const { body } = await file('readings.csv')
  t.equal(
    body,
    `\ufeff${[
      'start,end,what,code,part,value,unit,device,status,observation,absent',
      `2026-03-03T12:00:00Z,,Temperature,http://loinc.org|60830-9,,-1.5,Cel,,final,${cold.id},`,
      `2026-03-02T12:00:00Z,,"Blood ""pressure"", both",http://loinc.org|85354-9,'=Systolic(),120,mm[Hg],,final,${pressure.id},`,
      `2026-03-02T12:00:00Z,,"Blood ""pressure"", both",http://loinc.org|85354-9,'-Diastolic,80.5,'@mmHg,,final,${pressure.id},`,
      `2026-03-01T07:30:00+01:00,,Heart rate,http://loinc.org|8867-4,,64,beats/min,Tidewell,final,${pulse.id},`,
      '',
    ].join('\r\n')}`,
  )
})

t.test('a line break of any kind ends no row, and a device is called by its name', async t => {
  const cleo = await register('Cleo')
  const device = await create('everything', {
    resourceType: 'Device',
    patient: { reference: `Patient/${cleo.id}` },
    deviceName: [{ name: 'Cleo’s patch', type: 'user-friendly-name' }],
  })
  const answers = ['one\n=1+1', 'two\r=2+2', 'three\r\n=3+3']
  const said: Resource[] = []
  for (const [index, valueString] of answers.entries())
    said.push(
      await measured(9 - index, {
        ...subject(cleo.id),
        code: { text: 'Survey' },
        valueString,
        device: { reference: `Device/${device.id}` },
      }),
    )
  const { body } = await file('readings.csv', await signedIn({}, cleo.id))
  t.same(
    body.split(/\r\n(?=2026|$)/).slice(1, -1),
    answers.map(
      (answer, index) =>
        `2026-03-0${9 - index}T12:00:00Z,,Survey,,,"${answer}",,Cleo’s patch,final,${said[index]?.id},`,
    ),
  )
})

t.test('the reason for a missing value is in the table, for a reading and for a part of it', async t => {
  const fay = await register('Fay')
  const dataAbsentReason = { coding: [{ code: 'not-performed', display: 'Not performed' }] }
  const whole = await measured(9, { ...subject(fay.id), code: { text: 'Pulse' }, dataAbsentReason })
  const parts = await measured(8, {
    ...subject(fay.id),
    code: { text: 'Pressure' },
    component: [
      { code: { text: 'Systolic' }, valueInteger: 120 },
      { code: { text: 'Diastolic' }, dataAbsentReason: { text: 'cuff slipped' } },
    ],
  })
  const { body } = await file('readings.csv', await signedIn({}, fay.id))
  t.same(body.split('\r\n').slice(1, -1), [
    `2026-03-09T12:00:00Z,,Pulse,,,,,,final,${whole.id},Not performed`,
    `2026-03-08T12:00:00Z,,Pressure,,Systolic,120,,,final,${parts.id},`,
    `2026-03-08T12:00:00Z,,Pressure,,Diastolic,,,,final,${parts.id},cuff slipped`,
  ])
})

t.test('the parts of a blood pressure have their names, in the language of the page', async t => {
  const dora = await register('Dora')
  const pressures = point('omh:blood-pressure:4.0', {
    systolic_blood_pressure: { value: 123, unit: 'mmHg' },
    diastolic_blood_pressure: { value: 80, unit: 'mmHg' },
    body_posture: 'sitting',
    effective_time_frame: at,
  })
  await create('everything', upload(pressures, subject(dora.id)) as Observation)
  const { body } = await file('readings.csv', await signedIn({ 'accept-language': 'es' }, dora.id))
  t.same(
    body
      .split('\r\n')
      .slice(1, -1)
      .map(row => row.split(',').filter((_, column) => [2, 4, 5, 6].includes(column))),
    [
      ['Presión arterial', 'presión sistólica', '123', 'mmHg'],
      ['Presión arterial', 'presión diastólica', '80', 'mmHg'],
      ['Presión arterial', 'postura del cuerpo', 'sitting', ''],
    ],
  )
})

/** A resource by its name; a Provenance by its targets. */
const namedAs = (resource: Resource): string =>
  resource.resourceType === 'Provenance'
    ? `uploaded ${resource.target.map(({ reference }) => reference).join()}`
    : `${resource.resourceType}/${resource.id}`

t.test(
  'the FHIR file has everything of the patient and nothing of others, and Open mHealth the documents as sent',
  async t => {
    const lines = (await file('fhir.ndjson')).body.trimEnd().split('\n')
    const measured = [cold, pressure, pulse].map(({ id }) => `Observation/${id}`)
    t.same(lines.map((line): Resource => JSON.parse(line)).map(namedAs), [
      ...measured,
      `Patient/${ann.id}`,
      ...measured.map(one => `uploaded ${one}`),
    ])
    t.equal((await file('open-mhealth.json')).body, `[\n${document}\n]\n`)
  },
)

t.test('the FHIR file has what is recorded of the consents of the patient, and not of those of others', async t => {
  const sleep = await study(lab.manager, lab.organization, 'sleep', ['omh:heart-rate'])
  const consents: string[] = []
  const patients: string[] = []
  for (const name of ['Kim', 'Lee']) {
    const patient = await participant(lab.manager, lab.organization, sleep.id, ['omh:heart-rate'], name)
    const [consent] = await pages('everything', `Consent?patient=${patient}`)
    const reference = `Consent/${consent?.resource.id}`
    await create('everything', {
      resourceType: 'Provenance' as const,
      target: [{ reference }],
      recorded: '2026-03-01T12:00:00Z',
      agent: [{ who: { display: 'Whoever was there' } }],
    })
    patients.push(patient)
    consents.push(reference)
  }
  const { body } = await file('fhir.ndjson', await signedIn({}, patients[0] ?? ''))
  const lines = body.trimEnd().split('\n')
  const targets = lines
    .map((line): Resource => JSON.parse(line))
    .flatMap(one => (one.resourceType === 'Provenance' ? one.target : []))
  t.strictSame(
    targets.map(({ reference }) => reference),
    [consents[0], `${consents[0]}/_history/1`],
    'what was written, and that the patient signed it here',
  )
})

t.test('the FHIR file has the Binaries that the resources in it name, if the patient may read them', async t => {
  const ivy = await register('Ivy')
  const binary = (content: string, securityContext: object) =>
    create('everything', {
      resourceType: 'Binary' as const,
      contentType: 'text/plain',
      data: Buffer.from(content).toString('base64'),
      securityContext,
    })
  const [letter, scan, ofBob] = [
    await binary('a letter', { reference: `Patient/${ivy.id}` }),
    await binary('a scan', { reference: `Patient/${ivy.id}` }),
    await binary('of Bob', { reference: `Patient/${bob.id}` }),
  ]
  const document = await create('everything', {
    resourceType: 'DocumentReference' as const,
    status: 'current' as const,
    ...subject(ivy.id),
    extension: [{ url: 'http://example.org/scan', valueReference: { reference: `Binary/${scan.id}` } }],
    content: [
      { attachment: { url: `https://host.example/fhir/Binary/${letter.id}/_history/1` } },
      { attachment: { url: `Binary/${ofBob.id}` } },
    ],
  })
  const lines = (await file('fhir.ndjson', await signedIn({}, ivy.id))).body.trimEnd().split('\n')
  const resources = lines.map((line): Resource => JSON.parse(line))
  t.same(
    new Set(resources.map(namedAs)),
    new Set([`DocumentReference/${document.id}`, `Patient/${ivy.id}`, `Binary/${letter.id}`, `Binary/${scan.id}`]),
  )
  t.match(
    resources.find(({ id }) => id === letter.id),
    { data: Buffer.from('a letter').toString('base64') },
  )
})

t.test('a document that was entered in error or cancelled is only in files that say so', async t => {
  const dan = await register('Dan')
  const of = (status: Observation['status'], value: number) => {
    const { header, body } = heartRate(value)
    const document = { header: { ...header, uuid: randomUUID() }, body }
    return create('everything', { ...(upload(document, subject(dan.id)) as Observation), status })
  }
  const [, mistaken, cancelled] = [await of('final', 61), await of('entered-in-error', 62), await of('cancelled', 63)]
  const by = await signedIn({}, dan.id)
  const documents: { body: { heart_rate: { value: number } } }[] = JSON.parse(
    (await file('open-mhealth.json', by)).body,
  )
  t.same(
    documents.map(({ body }) => body.heart_rate.value),
    [61],
  )
  const { body } = await file('readings.csv', by)
  t.match(body, `entered-in-error,${mistaken.id}`)
  t.match(body, `cancelled,${cancelled.id}`)
})

t.test('a byte order mark before a document is left out, so that the list of all of them can be read', async t => {
  const hal = await register('Hal')
  const documents = [heartRate(61), heartRate(62)].map(({ header, body }) =>
    JSON.stringify({ header: { ...header, uuid: randomUUID() }, body }),
  )
  for (const document of documents) {
    const data = Buffer.from(`\uFEFF${document}`).toString('base64')
    const valueAttachment = { contentType: 'application/json', data }
    await create('everything', { ...upload(document, subject(hal.id)), valueAttachment } as unknown as Observation)
  }
  const { body } = await file('open-mhealth.json', await signedIn({}, hal.id))
  t.equal(body, `[\n${documents.toReversed().join(',\n')}\n]\n`)
})

t.test('somebody with several records downloads all of them, and somebody with none is told so', async t => {
  const both = await signedIn({}, ann.id, bob.id)
  t.equal((await file('fhir.ndjson', both)).body.split('\n').length - 1, 10)
  t.equal(JSON.parse((await file('open-mhealth.json', both)).body).length, 2)
  const nobody = await signedIn({})
  const next =
    /Nothing is here for you yet\. It begins with an invitation, .* If you have no invitation, ask them for one\./
  t.match(wordsOf(await nobody.get('/account/data')), /There is no record of yours here/)
  for (const page of ['/account', '/account/data']) t.match(wordsOf(await nobody.get(page)), next)
  t.notMatch(wordsOf(await browser.get('/account')), next)
  t.match([(await file('fhir.ndjson', nobody)).body, (await file('open-mhealth.json', nobody)).body], ['', '[]\n'])
})

t.test('a slow download stops once they are not signed in any more', async t => {
  const gus = await register('Gus')
  for (let minute = 10; minute < 35; minute += 1) {
    const { header, body } = heartRate(64, { effective_time_frame: { date_time: `2026-03-01T07:${minute}:00Z` } })
    const sent = { header: { ...header, uuid: randomUUID(), place: 'long '.repeat(180_000) }, body }
    await create('everything', upload(sent, subject(gus.id)) as Observation)
  }
  const person = await account(gus.id)
  const address = await server.listen({ port: 0, host: '127.0.0.1' })
  for (const name of ['fhir.ndjson', 'open-mhealth.json']) {
    const cookie = `sharewell-session=${await startSession(database, { person, methods: ['pwd'], device: 'Test' })}`
    const { status, rest } = await readSlowly(`${address}/account/data/${name}`, { cookie })
    await endSessions(database, person)
    await sleep(1100)
    t.equal(status, 200)
    await t.rejects(rest(), `after what was already on its way, nothing more comes of ${name}`)
  }
  const cookie = `sharewell-session=${await startSession(database, { person, methods: ['pwd'], device: 'Test' })}`
  const { rest } = await readSlowly(`${address}/account/data/open-mhealth.json`, { cookie })
  await update('everything', { resourceType: 'Person', id: person })
  await sleep(1100)
  await t.rejects(rest(), 'nor once the record is not theirs any more')
})
