import type { Bundle, BundleEntry, Observation, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const send = async (method: 'GET' | 'POST' | 'PUT', url: string, body?: unknown) => {
  const payload = body === undefined ? {} : { payload: JSON.stringify(body) }
  const answer = await server.inject({ method, url: `/fhir/${url}`, headers, ...payload })
  return { status: answer.statusCode, body: answer.json() }
}
const guide = 'http://hl7.org/fhir/uv/cgm'
const loinc = 'http://loinc.org'
const ucum = 'http://unitsofmeasure.org'
const coded = (code: string, system = loinc) => ({ coding: [{ system, code }] })
await send('PUT', 'Patient/ann', { resourceType: 'Patient', id: 'ann' })

const measured = (code: string, effectiveDateTime: string, value: number, unit: string, more = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: code.startsWith('omh:') ? coded(code, 'https://w3id.org/openmhealth') : coded(code),
  subject: { reference: 'Patient/ann' },
  effectiveDateTime,
  valueQuantity: { value, unit, system: ucum, code: unit },
  ...more,
})
const posted = (resource: object, more = {}, fullUrl?: string) => ({
  ...(fullUrl && { fullUrl }),
  resource,
  request: { method: 'POST', url: (resource as Resource).resourceType, ...more },
})
const submit = (...entry: readonly object[]) =>
  send('POST', '$submit-cgm-bundle', {
    resourceType: 'Bundle',
    type: 'transaction',
    timestamp: '2026-03-01T00:00:00Z',
    entry,
  })
const statusesOf = ({ body }: { readonly body: Bundle }) =>
  body.entry?.map(({ response }) => response?.status.slice(0, 3))
const shownOf = async ({ response }: BundleEntry): Promise<Observation> =>
  (await send('GET', response?.location?.split('/fhir/')[1] ?? '')).body

t.test('a Bundle of a sensor is stored entry by entry, with its references', async t => {
  const url = (id: string) => `https://app.example.org/Observation/${id}`
  const summary = {
    resourceType: 'Observation',
    status: 'final',
    code: coded('107931-8'),
    subject: { reference: 'Patient/ann' },
    hasMember: [{ reference: url('mean') }],
  }
  const mean = measured('97507-8', '2026-03-01', 145, 'mg/dL')
  const circle = (id: string, other: string) =>
    posted({ ...summary, hasMember: [{ reference: url(other) }] }, {}, url(id))
  const answer = await submit(
    posted(summary, {}, url('summary')),
    posted(mean, {}, url('mean')),
    posted({ ...mean, status: 'x' }, {}, url('wrong')),
    posted({ ...summary, hasMember: [{ reference: url('wrong') }] }, {}, url('depends')),
    posted({ ...summary, hasMember: [{ reference: url('depends') }] }),
    circle('one', 'other'),
    circle('other', 'one'),
    posted({ resourceType: 'Patient' }),
    { request: { method: 'DELETE', url: 'Observation/x' } },
    { request: null },
    { resource: 'no resource' },
  )
  t.match([answer.status, answer.body.type], [200, 'transaction-response'])
  t.same(statusesOf(answer), ['201', '201', '422', '422', '422', '422', '422', '422', '422', '422', '422'])
  t.match(answer.body.entry[3].response.outcome.issue, [
    { diagnostics: `It refers to ${url('wrong')}, which was refused` },
  ])
  const [first, second] = answer.body.entry
  const id = (await shownOf(second)).id
  t.same((await shownOf(first)).hasMember, [{ reference: `Observation/${id}` }])
})

t.test('an entry that refers to itself is told so, however it names itself', async t => {
  for (const self of ['urn:uuid:5a1f7a3e-3f4b-4e57-9d0c-0d9a0b6d7c11', 'https://app.example.org/Observation/self']) {
    const own = { ...measured('97507-8', '2026-03-01', 145, 'mg/dL'), hasMember: [{ reference: self }] }
    const { body } = await submit(posted(own, {}, self))
    const [{ response }] = body.entry
    t.match(response, { status: /^422/, outcome: { issue: [{ diagnostics: /^Entries that refer to themselves, / }] } })
  }
})

t.test('a Bundle is taken as the parameter resource, too, as its operation is defined', async t => {
  const entry = [posted(measured('99504-3', '2024-02-01T00:00:00Z', 100, 'mg/dL'))]
  const resource = { resourceType: 'Bundle', type: 'transaction', entry }
  const ask = (...parameter: readonly object[]) =>
    send('POST', '$submit-cgm-bundle', { resourceType: 'Parameters', parameter })
  t.same(statusesOf(await ask({ name: 'resource', resource })), ['201'])
  for (const [parameter, said] of [
    [[], /takes a Bundle/],
    [[{ name: 'resource', valueString: 'x' }], /"resource" takes a resource here/],
    [[{ name: 'resource', resource: { resourceType: 'Patient' } }], /takes a Bundle/],
    [[{ name: 'other', valueString: 'x' }], /has no parameter "other"; it has: resource/],
    [
      [
        { name: 'resource', resource },
        { name: 'resource', resource },
      ],
      /given more than once/,
    ],
  ] as const) {
    const { status, body } = await ask(...parameter)
    t.match([status, body.issue[0].diagnostics], [400, said])
  }
})

t.test('the Patient of a submission is not written, and what is about a Patient of this server is stored', async t => {
  const reading = measured('99504-3', '2024-03-01T00:00:00Z', 100, 'mg/dL')
  const patient = (fullUrl: string) => ({
    fullUrl,
    resource: { resourceType: 'Patient', id: 'ann', birthDate: '1990-01-01' },
    request: { method: 'PUT', url: 'Patient/ann' },
  })
  const here = (await send('GET', 'metadata')).body.implementation.url
  const answer = await submit(patient(`${here}/Patient/ann`), posted(reading, {}, `${here}/Observation/one`))
  t.same(statusesOf(answer), ['422', '201'])
  t.match((await shownOf(answer.body.entry[1])).subject, { reference: 'Patient/ann' })
  t.equal((await send('GET', 'Patient/ann')).body.birthDate, undefined)
  const elsewhere = 'https://app.example.org'
  t.same(
    statusesOf(await submit(patient(`${elsewhere}/Patient/ann`), posted(reading, {}, `${elsewhere}/Observation/one`))),
    ['422', '422'],
  )
})

t.test('an entry that does anything but create is refused, and does nothing', async t => {
  const reading = measured('99504-3', '2024-04-01T00:00:00Z', 100, 'mg/dL')
  const count = async () => (await send('GET', 'Observation?_summary=count')).body.total
  const before = await count()
  const entries = ['PUT', 'DELETE', 'GET', 'PATCH'].map(method => ({
    ...posted(reading),
    request: { method, url: 'Observation' },
  }))
  const answer = await submit(...entries)
  t.strictSame(
    [statusesOf(answer), answer.body.entry.map((one: Answered) => one.response.outcome.issue[0].diagnostics)],
    [
      ['422', '422', '422', '422'],
      Array(4).fill(
        'Here an entry creates one of Observation, DiagnosticReport, Device by POST; a transaction takes all others',
      ),
    ],
  )
  t.equal(await count(), before)
})

type Answered = {
  readonly response: { readonly outcome: { readonly issue: readonly [{ readonly diagnostics: string }] } }
}

t.test('an entry that refers to a fullUrl of several entries is refused, and these are not', async t => {
  const sensor = 'urn:uuid:5f2a9c1e-0000-4000-8000-0000000000aa'
  const reading = measured('99504-3', '2024-01-01T00:00:00Z', 100, 'mg/dL')
  const answer = await submit(
    posted({ resourceType: 'Device', modelNumber: 'one' }, {}, sensor),
    posted({ resourceType: 'Device', modelNumber: 'other' }, {}, sensor),
    posted({ ...reading, device: { reference: sensor } }, {}, 'urn:uuid:5f2a9c1e-0000-4000-8000-0000000000ab'),
    posted({ ...reading, hasMember: [{ reference: 'urn:uuid:5f2a9c1e-0000-4000-8000-0000000000ab' }] }),
    posted(reading),
  )
  t.same(statusesOf(answer), ['201', '201', '422', '422', '201'])
  t.match(answer.body.entry[2].response.outcome.issue, [
    { diagnostics: `It refers to ${sensor}, which is the fullUrl of several entries` },
  ])
})

t.test('of a chain of entries the first twenty are taken, and each behind them is told why it is not', async t => {
  const url = (place: number) => `urn:uuid:5f2a9c1e-0000-4000-8000-${String(place).padStart(12, '0')}`
  const chain = Array.from({ length: 22 }, (_, place) =>
    posted({ resourceType: 'Device', ...(place > 0 && { parent: { reference: url(place - 1) } }) }, {}, url(place)),
  )
  const answer = await submit(...chain.toReversed())
  t.same(statusesOf(answer)?.toReversed(), [...Array(20).fill('201'), '422', '422'])
  for (const place of [0, 1])
    t.match(answer.body.entry[place].response.outcome.issue, [{ diagnostics: /in a chain of over 20 are not taken/ }])
})

t.test('what is sent again is recognized by its criteria, and a Bundle of another type is refused', async t => {
  const identifier = [{ system: 'https://client.example.org', value: '123' }]
  const entry = posted(measured('99504-3', '2025-01-01T00:00:00Z', 100, 'mg/dL', { identifier }), {
    ifNoneExist: 'identifier=https://client.example.org|123',
  })
  t.same(statusesOf(await submit(entry)), ['201'])
  t.same(statusesOf(await submit(entry)), ['200'])
  t.equal((await send('POST', '$submit-cgm-bundle', { resourceType: 'Bundle', type: 'batch' })).status, 400)
  t.equal((await send('POST', '$submit-cgm-bundle', { resourceType: 'Patient' })).status, 400)
  t.ok((await send('GET', 'metadata')).body.instantiates.includes(`${guide}/CapabilityStatement/cgm-data-receiver`))
})

const at = (day: number, hour: number) => `2026-03-0${day}T${String(hour).padStart(2, '0')}:30:00+01:00`
const sugars = [50, 60, 100, 120, 180, 200, 300, 110]
await submit(
  ...sugars.map((value, index) => posted(measured('99504-3', at(index < 5 ? 1 : 3, index * 2), value, 'mg/dL'))),
)

const summaryOf = async (query: string): Promise<readonly Observation[]> => {
  const { status, body } = await send(
    'GET',
    `Observation/$cgm-summary?subject=Patient/ann&timezone=Europe/Berlin&${query}`,
  )
  t.equal(status, 200)
  t.equal(body.type, 'collection')
  return (body.entry ?? []).map(({ resource }: BundleEntry) => resource)
}
const figureOf = (found: readonly Observation[], code: string) =>
  found.find(one => one.code.coding?.[0]?.code === code)?.valueQuantity

t.test('a summary has the figures of the guide, and conforms to its profiles', async t => {
  const found = await summaryOf('start=2026-03-01&end=2026-03-04')
  t.same(figureOf(found, '97507-8'), { value: 140, unit: 'mg/dl', system: ucum, code: 'mg/dL' })
  t.same(figureOf(found, '97506-0')?.value, 6.66)
  t.same(figureOf(found, '104638-2')?.value, 59.27)
  t.same(figureOf(found, '104636-6'), { value: 2, unit: 'days', system: ucum, code: 'd' })
  t.same(figureOf(found, '104637-4')?.value, 2.08)
  const ranges = found.find(one => one.code.coding?.[0]?.code === '106793-3')
  t.same(
    ranges?.component?.map(({ valueQuantity }) => valueQuantity?.value),
    [12.5, 12.5, 50, 12.5, 12.5],
  )
  const [panel, ...members] = found
  t.match(panel, {
    status: 'final',
    code: { coding: [{ system: loinc, code: '107931-8' }] },
    effectivePeriod: { start: /^2026-03-01$/, end: /^2026-03-04$/ },
    derivedFrom: [{ display: '8 readings' }],
  })
  t.equal(panel?.hasMember?.length, members.length)
  for (const one of found) {
    t.equal(one.meta?.profile?.length, 1)
    const { body } = await send('POST', 'Observation/$validate', one)
    t.match(body.issue, [{ severity: 'information' }], JSON.stringify(body.issue))
  }
})

t.test('of the guide’s profiles, a concentration may be absent, and a percentage may not', async t => {
  const { valueQuantity: _, ...reading } = measured('99504-3', '2024-04-01T00:00:00Z', 1, 'mg/dL')
  const { effectiveDateTime: __, ...figure } = reading
  const effectivePeriod = { start: '2024-04-01', end: '2024-04-02' }
  for (const [profile, resource, severity] of [
    ['cgm-sensor-reading-mass-per-volume', reading, 'information'],
    ['cgm-sensor-reading-moles-per-volume', { ...reading, code: coded('105272-9') }, 'information'],
    ['cgm-summary-mean-glucose-mass-per-volume', { ...figure, effectivePeriod, code: coded('97507-8') }, 'information'],
    ['cgm-summary-gmi', { ...figure, effectivePeriod, code: coded('97506-0') }, 'error'],
  ] as const) {
    const url = `Observation/$validate?profile=${guide}/StructureDefinition/${profile}`
    const absent = { ...resource, dataAbsentReason: { text: 'the sensor was off' } }
    t.match((await send('POST', url, absent)).body.issue, [{ severity }], profile)
  }
})

t.test('a summary can be in the other unit, of days without a reading, and up to a day that is not over', async t => {
  const found = await summaryOf('start=2026-03-01&end=2026-03-04&unit=mmol/L')
  t.match(figureOf(found, '105273-7'), { value: 7.77, unit: 'mmol/l' })
  t.same(await summaryOf('start=2026-03-05&end=2026-03-06'), [])
  const [alone, ...members] = await summaryOf('start=2025-01-01&end=2025-01-01')
  t.match([alone?.meta, alone?.derivedFrom, members.length], [undefined, [{ display: '1 reading' }], 5])
  const today = new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)
  t.equal((await summaryOf(`start=2026-03-01&end=${today}`))[0]?.status, 'preliminary')
  const issues = async (query: string) =>
    (await send('GET', `Observation/$cgm-summary?subject=ann&${query}`)).body.issue?.[0].diagnostics
  t.match(await issues('start=2026-03-02&end=2026-03-01'), /end lies before start/)
  t.match(await issues('start=2024-01-01&end=2026-03-01'), /At most 366 days/)
  t.match(await issues('start=2026-03&end=2026-03-01'), /start is required, and is a day/)
  t.match(await issues('start=2026-03-01&end=2026-03-01&unit=kg'), /unit is mg\/dL or mmol\/L/)
})

t.test('the answer ends with how many readings are in no figure, even if there is no other', async t => {
  const told = (day: string, value: number, unit = 'mg/dL', more = {}) =>
    posted(measured('99504-3', `2025-06-0${day}T10:00:00Z`, value, unit, more))
  const low = { valueQuantity: { value: 40, unit: 'mg/dL', system: ucum, code: 'mg/dL', comparator: '<' } }
  await submit(told('1', 100), told('1', 9999), told('1', 40, 'mg/dL', low), told('2', 5, 'kg'), told('3', 100))
  const outcomes = (found: readonly Resource[]) =>
    found.flatMap(one => (one.resourceType === 'OperationOutcome' ? one.issue : []))
  const first = await summaryOf('start=2025-06-01&end=2025-06-01')
  t.equal(first.length, 7)
  t.match(outcomes(first.slice(-1)), [{ severity: 'information', diagnostics: /^2 readings without a number/ }])
  const second = await summaryOf('start=2025-06-02&end=2025-06-02')
  t.equal(second.length, 1)
  t.match(outcomes(second), [
    { diagnostics: /^1 reading without a number in mg\/dL or mmol\/L, or with one that cannot be/ },
  ])
  t.same(outcomes(await summaryOf('start=2025-06-03&end=2025-06-03')), [])
})

t.test('days on which the sensor said only low or high have a summary of what is certain, with no mean', async t => {
  const bounded = (hour: number, comparator: '<' | '>', value: number) =>
    posted(
      measured('99504-3', `2025-07-01T${hour}:00:00Z`, value, 'mg/dL', {
        valueQuantity: { value, unit: 'mg/dL', system: ucum, code: 'mg/dL', comparator },
      }),
    )
  await submit(bounded(10, '<', 40), bounded(11, '<', 40), bounded(12, '>', 400))
  const found = await summaryOf('start=2025-07-01&end=2025-07-01')
  const told = found.map(({ resourceType, code, derivedFrom }) => [
    resourceType,
    code?.coding?.[0]?.code,
    derivedFrom?.[0]?.display,
  ])
  t.same(told, [
    ['Observation', '107931-8', '3 readings'],
    ['Observation', '106793-3', '3 readings'],
    ['Observation', '104636-6', '3 readings'],
    ['Observation', '104637-4', '3 readings'],
    ['OperationOutcome', undefined, undefined],
  ])
  t.same(
    found[1]?.component?.map(({ valueQuantity }) => valueQuantity?.value),
    [66.67, 0, 0, 0, 33.33],
  )
  t.equal(found[0]?.meta, undefined, 'the profile of a summary requires a mean')
})

t.test('a summary says of each figure from how many readings it is', async t => {
  const found = await summaryOf('start=2025-06-01&end=2025-06-01')
  const readings = (code: string) => found.find(one => one.code?.coding?.[0]?.code === code)?.derivedFrom?.[0]?.display
  t.equal(readings('97507-8'), '1 reading')
  t.equal(readings('106793-3'), '2 readings')
  t.equal(readings('107931-8'), '2 readings')
})

t.test('days are summed up kind by kind and source by source', async t => {
  const device = { reference: 'Device/watch' }
  await send('PUT', 'Device/watch', {
    resourceType: 'Device',
    id: 'watch',
    deviceName: [{ name: 'Watch', type: 'user-friendly-name' }],
  })
  const steps = (day: number, hour: number, count: number, more = {}) =>
    posted(measured('omh:step-count', at(day, hour), count, '{steps}', more))
  const pulse = (hour: number, value: number) => posted(measured('8867-4', at(1, hour), value, '/min'))
  await submit(
    steps(1, 8, 400),
    steps(1, 9, 600),
    steps(2, 0, 50),
    steps(1, 8, 1000, { device }),
    pulse(8, 60),
    pulse(9, 81),
  )
  const night = { start: '2026-03-01T23:00:00+01:00', end: '2026-03-02T06:30:00+01:00' }
  const { effectiveDateTime: _, ...sleep } = measured('omh:sleep-duration', at(1, 23), 7.5, 'h')
  await submit(posted({ ...sleep, effectivePeriod: night }))
  const daysOf = async (query: string) => {
    const asked = `subject=ann&start=2026-03-01&end=2026-03-02&timezone=Europe/Berlin${query}`
    const { body } = await send('GET', `Observation/$daily-summary?${asked}`)
    return (body.entry ?? []).map(
      ({ resource: { code, device, effectivePeriod, component } }: { resource: Observation }) => [
        code.coding?.[0]?.code,
        device?.display,
        effectivePeriod?.start,
        Object.fromEntries(component?.map(one => [one.code.coding?.[0]?.code, one.valueQuantity?.value]) ?? []),
      ],
    )
  }
  t.same(await daysOf('&code=omh:step-count'), [
    ['omh:step-count', undefined, '2026-03-01', { count: 2, sum: 1000 }],
    ['omh:step-count', undefined, '2026-03-02', { count: 1, sum: 50 }],
    ['omh:step-count', 'Watch', '2026-03-01', { count: 1, sum: 1000 }],
  ])
  const asked = 'subject=ann&start=2026-03-01&end=2026-03-01&timezone=Europe/Berlin&code=omh:heart-rate'
  const whole = (await send('GET', `Observation/$daily-summary?${asked}`)).body
  const figure = (code: string, value: number) => ({
    code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code }] },
    valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
  })
  t.strictSame(
    whole.entry.map(({ resource }: { resource: Observation }) => resource),
    [
      {
        resourceType: 'Observation',
        status: 'final',
        code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] },
        subject: { reference: 'Patient/ann' },
        effectivePeriod: { start: '2026-03-01', end: '2026-03-01' },
        derivedFrom: [{ type: 'Observation', display: '2 readings' }],
        component: [
          { ...figure('count', 2), valueQuantity: { value: 2 } },
          figure('average', 70.5),
          figure('minimum', 60),
          figure('maximum', 81),
        ],
      },
    ],
  )
  const heart = ['omh:heart-rate', undefined, '2026-03-01', { count: 2, average: 70.5, minimum: 60, maximum: 81 }]
  t.same(await daysOf('&code=omh:sleep-duration,https://w3id.org/openmhealth|omh:heart-rate'), [
    ['omh:sleep-duration', undefined, '2026-03-02', { count: 1, sum: 7.5 }],
    heart,
  ])
  t.same(
    [...new Set((await daysOf('')).map(([code]: readonly unknown[]) => code))],
    ['omh:step-count', 'omh:sleep-duration', 'omh:heart-rate', '99504-3'],
  )
  t.equal(
    (await send('GET', 'Observation/$daily-summary?subject=ann&start=2026-03-01&end=2026-03-02&code=x')).status,
    400,
  )
})

t.test('a day of glucose has everything, of whichever specimen and in whichever unit it was measured', async t => {
  const day = '2026-04-01'
  const found = async (code: string) => {
    const { body } = await send('GET', `Observation/$daily-summary?subject=ann&start=${day}&end=${day}&code=${code}`)
    return (body.entry ?? []).map(({ resource }: { resource: Observation }) =>
      resource.component?.map(one => one.valueQuantity?.value),
    )
  }
  await submit(
    posted(measured('41653-7', `${day}T08:00:00Z`, 100, 'mg/dL')),
    posted(measured('14743-9', `${day}T09:00:00Z`, 10, 'mmol/L')),
    posted(measured('2339-0', `${day}T10:00:00Z`, 120, 'mg/dL')),
    posted(measured('15074-8', `${day}T11:00:00Z`, 5, 'mmol/L')),
    posted(measured('2345-7', `${day}T12:00:00Z`, 90, 'mg/dL')),
    posted(measured('14749-6', `${day}T13:00:00Z`, 4, 'mmol/L')),
    posted(measured('omh:blood-glucose', `${day}T14:00:00Z`, 200, 'mg/dL')),
    posted(measured('99504-3', `${day}T15:00:00Z`, 150, 'mg/dL')),
    posted(measured('105272-9', `${day}T16:00:00Z`, 5, 'mmol/L')),
  )
  t.same(await found('omh:blood-glucose'), [[7, 121.76, 72.06, 200]])
  t.same(await found('99504-3'), [[2, 120.04, 90.08, 150]])
})
