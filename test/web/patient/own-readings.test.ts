import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../../src/fhir/canonical.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { point, upload } from '../../mhealth/upload.ts'
import { openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { openStudies } from '../../support/study.ts'

const world = await openStudies()
const { server, database, create, send } = world
t.teardown(() => server.close())
const lab = await world.institution('lab')
const kinds = ['omh:heart-rate', 'omh:body-weight', 'omh:blood-pressure']
const study = await world.study(lab.manager, lab.organization, 'study', kinds)
const participant = (name: string) => world.participant(lab.manager, lab.organization, study.id, kinds, name)
const [ann, bob] = [await participant('Ann'), await participant('Bob')]
const app = await world.patientToken(ann, 'patient/*.cruds')
const browserOf = async (patient: string | undefined, language = 'en') => {
  const link = patient === undefined ? {} : { link: [{ target: { reference: `Patient/${patient}` } }] }
  const { id: person } = await create('everything', { resourceType: 'Person', ...link })
  const browser = openBrowser(server, { headers: { 'accept-language': language } })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const [anns, bobs] = [await browserOf(ann), await browserOf(bob)]
const list = '/account/readings'

let count = 0
const uuid = () => `5c6f3c1e-5b7d-4c2a-9e8f-${String(++count).padStart(12, '0')}`
const heartRate = (value: number, date_time: string) =>
  point(
    'omh:heart-rate:2.0',
    { heart_rate: { value, unit: 'beats/min' }, effective_time_frame: { date_time } },
    { uuid: uuid() },
  )
const sent = async (document: object, more: Partial<Observation> = {}): Promise<string> => {
  const { statusCode, body } = await send(app, 'POST', 'Observation', {
    ...upload(document, { subject: { reference: `Patient/${ann}` } }),
    ...more,
  })
  if (statusCode >= 300) throw new Error(body)
  return JSON.parse(body).id
}
const native = (more: object) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    ...more,
  } as Observation)
const weight = (more: object) =>
  native({
    code: { coding: [{ system: systems.loinc, code: '29463-7' }] },
    valueQuantity: { value: 70.5, unit: 'kg', system: systems.ucum, code: 'kg' },
    ...more,
  })
const linesIn = ({ body }: Pick<Shown, 'body'>): readonly string[] =>
  [...body.matchAll(/<li class="list-group-item px-0">([\s\S]*?)<\/li>/g)].map(([, line = '']) =>
    wordsOf({ body: line }),
  )
const readingOf = async (id: string): Promise<Observation> =>
  JSON.parse((await send('everything', 'GET', `Observation/${id}`)).body)
const formIn = ({ body }: Pick<Shown, 'body'>) => {
  const action = /action="(\/account\/readings\/[^"]+\/(?:un)?mark[^"]*)"/.exec(body)?.[1]?.replaceAll('&amp;', '&')
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
  return { action: action ?? '', fields: { _csrf: hidden('_csrf'), version: hidden('version') } }
}
const press = async (page: string, browser = anns) => {
  const { action, fields } = formIn(await browser.get(page))
  return browser.post(action, fields)
}

t.test('whoever has no reading, or no record, is told what to do', async t => {
  t.match(wordsOf(await anns.get(list)), /Nothing was sent yet\..* Connect or disconnect apps/)
  t.match(
    wordsOf(await (await browserOf(undefined)).get(list)),
    /There is no record of yours here\. Nothing is here for you yet\. .* ask them for one\. Back to your account/,
  )
})

t.test('the readings of the day of the newest one are listed, each with its values and time', async t => {
  await sent(heartRate(61, '2026-03-09T08:00:00Z'))
  const id = await sent(heartRate(72, '2026-03-10T08:15:00Z'))
  const code = (code: string) => ({ coding: [{ system: systems.loinc, code }] })
  const millimetres = (value: number) => ({
    valueQuantity: { value, unit: 'mmHg', system: systems.ucum, code: 'mm[Hg]' },
  })
  await native({
    effectiveDateTime: '2026-03-10T07:00:00Z',
    code: code('85354-9'),
    component: [
      { code: code('8480-6'), ...millimetres(131) },
      { code: code('8462-4'), ...millimetres(84) },
    ],
  })
  const shown = await anns.get(list)
  t.strictSame(linesIn(shown), [
    'Heart rate, 08:15 72 beats/min source not known',
    'Blood pressure, 07:00 systolic pressure 131 mmHg, diastolic pressure 84 mmHg source not known',
  ])
  t.match(shown.body, `href="${list}/${id}?record=${ann}&amp;day=2026-03-10&amp;timezone=UTC"`)
  t.strictSame(linesIn(await anns.get(`${list}?day=2026-03-09`)), ['Heart rate, 08:00 61 beats/min source not known'])
  t.match(wordsOf(await anns.get(`${list}?day=2026-03-08`)), /There is no reading on this day\. Choose another one\./)
})

t.test('one kind alone can be listed', async t => {
  await weight({ effectiveDateTime: '2026-03-10T06:00:00Z' })
  const { body } = await anns.get(list)
  const choices = new Map(
    [...body.matchAll(/<option value="([^"]*)"[^>]*>([^<]*)/g)].map(([, value, name]) => [name, value]),
  )
  t.strictSame([...choices.keys()], ['Everything', 'Blood pressure', 'Body weight', 'Heart rate'])
  const kind = encodeURIComponent(choices.get('Body weight') ?? '')
  t.strictSame(linesIn(await anns.get(`${list}?kind=${kind}`)), ['Body weight, 06:00 70.5 kg source not known'])
  t.match(wordsOf(await anns.get(`${list}?kind=${kind}&day=2026-03-09`)), /There is no such reading on this day\./)
})

t.test('a kind of which only what is marked as wrong is left is still the one that is listed', async t => {
  const { id } = await native({
    effectiveDateTime: '2026-03-10T05:00:00Z',
    code: { coding: [{ system: systems.loinc, code: '9279-1' }] },
    valueQuantity: { value: 15, unit: 'breaths/min', system: systems.ucum, code: '/min' },
  })
  await sent(heartRate(63, '2026-03-10T08:30:00Z'))
  const kind = encodeURIComponent(
    /<option value="([^"]*)"[^>]*>Respiratory rate</.exec((await anns.get(list)).body)?.[1] ?? '',
  )
  const { location = '' } = await press(`${list}/${id}?kind=${kind}&day=2026-03-10`)
  const shown = await anns.get(location)
  t.strictSame(linesIn(shown), ['Respiratory rate, 05:00 marked as wrong 15 breaths/min source not known'])
  t.match(shown.body, / selected>Respiratory rate</)
})

t.test('a kind that is not known is said, and everything is shown', async t => {
  for (const kind of ['http://example.org|x', 'constructor', 'a\\', '|', 'http://loinc.org|8480-6|x']) {
    const shown = await anns.get(`${list}?day=2026-03-09&kind=${encodeURIComponent(kind)}`)
    t.match(wordsOf(shown), /is no kind of reading that is known here\. Everything is shown\./, kind)
    t.equal(linesIn(shown).length, 1, kind)
  }
  t.notMatch(wordsOf(await anns.get(`${list}?day=2026-03-09`)), /known here/)
})

t.test('a record that is not theirs is not found, and nobody else’s is shown in its place', async t => {
  for (const record of [bob, 'unknown', ''])
    for (const path of [list, '/account/disclosures', '/account/refused'])
      t.equal((await anns.get(`${path}?record=${record}`)).status, 404, `${path} ${record}`)
})

t.test('a mark that is not there cannot be taken off, and nobody is told that it was', async t => {
  const id = await sent(heartRate(144, '2026-06-07T08:00:00Z'))
  const { id: mistaken } = await weight({ effectiveDateTime: '2026-06-07T08:00:00Z', status: 'entered-in-error' })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await anns.get(`${list}/${id}`)).body)?.[1] ?? ''
  for (const one of [id, mistaken]) {
    const answer = await anns.post(`${list}/${one}/unmark?record=${ann}`, { _csrf, version: '1' })
    t.equal(answer.status, 409)
    t.match(wordsOf(answer), /so nothing was saved\. Here is what it says now\./)
    t.match(await readingOf(one), { meta: { versionId: '1' } })
  }
})

t.test('the hour that a day has twice is told apart, and the day ends when it ends there', async t => {
  for (const hour of [
    '2026-10-24T21:59',
    '2026-10-24T22:00',
    '2026-10-25T00:30',
    '2026-10-25T01:30',
    '2026-10-25T22:59',
    '2026-10-25T23:00',
  ])
    await sent(heartRate(66, `${hour}:00Z`))
  t.strictSame(
    linesIn(await anns.get(`${list}?day=2026-10-25&timezone=Europe/Berlin`)).map(line => line.split(' 66 ', 1)[0]),
    ['Heart rate, 23:59', 'Heart rate, 02:30 (+01:00)', 'Heart rate, 02:30 (+02:00)', 'Heart rate, 00:00 (+02:00)'],
  )
})

t.test('a reading with a date alone is listed on that day, whatever the time zone', async t => {
  await weight({ effectiveDateTime: '2026-04-02' })
  for (const timezone of ['Pacific/Auckland', 'UTC', 'America/New_York'])
    t.strictSame(
      await Promise.all(
        [1, 2, 3].map(async day => linesIn(await anns.get(`${list}?day=2026-04-0${day}&timezone=${timezone}`)).length),
      ),
      [0, 1, 0],
      timezone,
    )
})

t.test('a long day has pages, and each leads on', async t => {
  for (let minute = 0; minute < 55; minute++)
    await sent(heartRate(60, `2026-05-05T10:${String(minute).padStart(2, '0')}:00Z`))
  const first = await anns.get(`${list}?day=2026-05-05`)
  const next = /href="([^"]*page=[^"]*)">Earlier/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const second = await anns.get(next)
  t.strictSame([linesIn(first).length, linesIn(second).length], [50, 5])
  t.match(second.body, />Back to the latest</)
})

t.test('a day or time zone that does not exist is told at its field', async t => {
  const shown = await anns.get(`${list}?day=2026-02-30&timezone=Berlin`)
  t.match(
    wordsOf(shown),
    /Enter a day that exists, with its month as a word, such as 31 March 2026\. This time zone is not known here/,
  )
  t.match(shown.body, 'value="Berlin"')
  t.match(shown.body, /<input[^>]* name="day"[^>]* value="2026-02-30"/, 'with what was typed')
})

t.test('what is marked as wrong is in no chart, has a version and an AuditEvent, and can be taken back', async t => {
  const id = await sent(heartRate(199, '2026-06-01T08:00:00Z'))
  const [page, record] = [`${list}/${id}?day=2026-06-01`, `/patients/${ann}?first=2026-06-01&last=2026-06-01`]
  t.match((await anns.get(record)).body, 'data-chart')
  const marked = await press(page)
  t.match([marked.status, marked.location], [303, `${list}?record=${ann}&day=2026-06-01&timezone=UTC&done=marked`])
  t.match(
    wordsOf(await anns.get(marked.location ?? '')),
    /It is marked as wrong\..*Heart rate, 08:00 marked as wrong 199/,
  )
  t.match(await readingOf(id), { status: 'entered-in-error', meta: { versionId: '2' } })
  t.notMatch((await anns.get(record)).body, 'data-chart')
  const recorded = await database.any<object>(sql.fragment`
    SELECT interaction, client, patient, outcome FROM audit_record
    WHERE resource = ${id} AND interaction NOT IN ('create', 'read', 'history-instance')`)
  t.strictSame(recorded, [{ interaction: 'patch', client: 'pages', patient: ann, outcome: 200 }])
  t.match(wordsOf(await anns.get(page)), /It is marked as wrong You, or the app that sent it, said so\./)
  const back = await press(page)
  t.match(wordsOf(await anns.get(back.location ?? '')), /The mark is off\./)
  t.match(await readingOf(id), { status: 'final', meta: { versionId: '3' } })
  t.match((await anns.get(record)).body, 'data-chart')
})

t.test('what is marked stays so if the app sends it again', async t => {
  const document = heartRate(188, '2026-06-02T08:00:00Z')
  const id = await sent(document)
  await press(`${list}/${id}`)
  t.equal(await sent(document), id)
  t.match(await readingOf(id), { status: 'entered-in-error' })
})

t.test('a reading that came as a mistake has no mark to take off', async t => {
  const { id } = await weight({ effectiveDateTime: '2026-06-03T08:00:00Z', status: 'entered-in-error' })
  t.equal(formIn(await anns.get(`${list}/${id}`)).action, '')
})

t.test('a name that is written from right to left turns round neither its time nor its value', async t => {
  const name = '\u05de\u05e9\u05e7\u05dc'
  await weight({ effectiveDateTime: '2026-04-20T08:00:00Z', code: { text: name } })
  await native({
    effectiveDateTime: '2026-04-20T07:00:00Z',
    code: { text: 'Day' },
    component: [
      { code: { text: name }, valueString: name },
      { code: { text: 'b' }, valueString: '2' },
    ],
  })
  t.strictSame(linesIn(await anns.get(`${list}?day=2026-04-20`)), [
    `\u2068${name}\u2069, 08:00 70.5 kg source not known`,
    `Day, 07:00 \u2068${name}\u2069 \u2068${name}\u2069, b 2 source not known`,
  ])
})

t.test('what was changed since it was shown is shown anew, and not marked', async t => {
  const id = await sent(heartRate(177, '2026-06-04T08:00:00Z'))
  const { action, fields } = formIn(await anns.get(`${list}/${id}`))
  await press(`${list}/${id}`)
  await press(`${list}/${id}`)
  const late = await anns.post(action, fields)
  t.equal(late.status, 409)
  t.match(wordsOf(late), /Something has changed this reading since you opened this page, so nothing was saved\./)
  t.match(await readingOf(id), { status: 'final' })
})

t.test('nobody else sees it at that address, and their form does nothing', async t => {
  const id = await sent(heartRate(166, '2026-06-05T08:00:00Z'))
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await bobs.get('/account')).body)?.[1] ?? ''
  for (const record of ['', `?record=${ann}`]) {
    t.equal((await bobs.get(`${list}/${id}${record}`)).status, 404)
    t.strictSame(linesIn(await bobs.get(`${list}${record || '?'}&day=2026-06-05`)), [])
    for (const name of ['mark', 'unmark'])
      t.equal((await bobs.post(`${list}/${id}/${name}${record}`, { _csrf, version: '1' })).status, 404)
  }
  t.match(await readingOf(id), { status: 'final', meta: { versionId: '1' } })
})

t.test('what was answered, and where on the body it was measured, is in the language of the patient', async t => {
  const pressure = (value: number) => ({ value, unit: 'mmHg' })
  const id = await sent(
    point(
      'omh:blood-pressure:3.1',
      {
        systolic_blood_pressure: pressure(121),
        diastolic_blood_pressure: pressure(79),
        effective_time_frame: { date_time: '2026-06-08T08:00:00Z' },
        body_posture: 'lying down',
        measurement_location: 'left upper arm',
        temporal_relationship_to_physical_activity: 'at rest',
        descriptive_statistic: 'maximum',
      },
      { uuid: uuid() },
    ),
  )
  const pages = [await browserOf(ann, 'es'), anns].map(async browser => wordsOf(await browser.get(`${list}/${id}`)))
  const [spanish, english] = await Promise.all(pages)
  t.match(
    spanish,
    /presión sistólica, máximo 121 mmHg, presión diastólica, máximo 79 mmHg, postura del cuerpo en posición acostada/,
  )
  t.match(spanish, /actividad en reposo Lugar del cuerpo brazo izquierdo Medido 8 de junio de 2026 08:00/)
  t.match(english, /systolic pressure, maximum 121 mmHg, .*lying down, .*Place on the body left upper arm Measured/)
})

t.test('the record leads there, and in Spanish everything is Spanish', async t => {
  const spanish = await browserOf(ann, 'es')
  const record = await spanish.get(`/patients/${ann}`)
  t.match(record.body, `<a href="${list}?record=${ann}">Ver sus mediciones una por una</a>`)
  const [id] = [await sent(heartRate(155, '2026-06-06T08:00:00Z'))]
  t.match(
    wordsOf(await spanish.get(`${list}?day=2026-06-06`)),
    /Frecuencia cardíaca, 08:00 155 latidos\/min no se sabe de qué aparato/,
  )
  t.match(
    wordsOf(await spanish.get(`${list}/${id}`)),
    /¿No es correcta, o no es suya\? Puede marcarla como incorrecta\./,
  )
})

t.test(
  'a device without a name of its own is called by its source, as in charts, also in the table to download',
  async t => {
    const source = await create('everything', {
      resourceType: 'Device',
      deviceName: [{ name: 'Tock band', type: 'model-name' }],
    })
    const device = await create(app, {
      resourceType: 'Device',
      patient: { reference: `Patient/${ann}` },
      parent: { reference: `Device/${source.id}` },
    })
    await weight({ effectiveDateTime: '2026-05-09T10:00:00Z', device: { reference: `Device/${device.id}` } })
    t.same(linesIn(await anns.get(`${list}?day=2026-05-09`)), ['Body weight, 10:00 70.5 kg Tock band'])
    const { body } = await anns.get('/account/data/readings.csv')
    t.match(body, /2026-05-09T10:00:00Z.*,Tock band,/)
  },
)
