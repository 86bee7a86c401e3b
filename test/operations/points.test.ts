import type { Bundle, Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { point, upload } from '../mhealth/upload.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const send = (method: 'GET' | 'POST' | 'PUT', url: string, body?: object) =>
  server.inject({
    method,
    url: url.startsWith('http') ? url.slice(url.indexOf('/fhir')) : `/fhir/${url}`,
    headers,
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  })
await send('PUT', 'Patient/ann', { resourceType: 'Patient', id: 'ann' })
const store = async (observation: object): Promise<string> => {
  const answer = await send('POST', 'Observation', observation)
  if (answer.statusCode !== 201) throw new Error(answer.body)
  return answer.json().id
}
const pointsOf = async (id: string, query = '') => {
  const answer = await send('GET', `Observation/${id}/$points${query}`)
  if (answer.statusCode !== 200) throw new Error(answer.body)
  const bundle: Bundle<Observation> = answer.json()
  return { text: answer.body, bundle, points: (bundle.entry ?? []).flatMap(({ resource }) => resource ?? []) }
}
const found = async (query: string) =>
  (await send('GET', `Observation?patient=ann&${query}&_summary=count`)).json().total

const second = (at: number) => new Date(Date.UTC(2026, 2, 1, 7, 30, 0) + at * 1000).toISOString()
const series = (id: string, bodies: readonly object[], uuid: string) =>
  upload({ ...point(id, bodies, { uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${uuid.padStart(12, '0')}` }) })
const heart = (value: number, at: number) => ({
  heart_rate: { value, unit: 'beats/min' },
  effective_time_frame: { date_time: second(at) },
})
const minute = Array.from({ length: 60 }, (_, index) => heart(60 + (index % 30), index))
const ofSeconds = await store(series('omh:heart-rate:2.0', minute, '1'))

t.test('a heart rate for each second is one Observation, found by code, date and value, with the document', async t => {
  const read: Observation = (await send('GET', `Observation/${ofSeconds}`)).json()
  t.match(read.valueSampledData, { period: 1000, origin: { code: '/min' }, data: /^60 61 62/ })
  t.equal(await found('code=8867-4'), 1)
  t.equal(await found(`code=omh:heart-rate&date=2026-03-01`), 1)
  t.equal(await found('value-quantity=gt88||/min'), 1)
  t.equal(await found('value-quantity=gt90||/min'), 0)
  t.equal(await found('date=gt2026-03-02'), 0)
})

t.test('its points are what single documents would have become, in pages', async t => {
  const first = await pointsOf(ofSeconds, '?_count=40')
  t.strictSame(
    [first.bundle.type, first.points.length, first.points[1]?.valueQuantity, first.points[1]?.effectiveDateTime],
    ['collection', 40, { value: 61, unit: 'beats/min', system: 'http://unitsofmeasure.org', code: '/min' }, second(1)],
  )
  t.match(first.points[0], {
    status: 'final',
    code: { coding: [{ code: '8867-4' }, { code: 'omh:heart-rate:2.0' }] },
    subject: { reference: 'Patient/ann' },
    device: { reference: 'Device/cuff' },
    derivedFrom: [{ reference: `Observation/${ofSeconds}` }],
  })
  for (const name of ['id', 'identifier', 'extension', 'valueSampledData', 'effectivePeriod'])
    t.notOk(
      first.points.some(one => name in one),
      name,
    )
  const next = first.bundle.link?.find(({ relation }) => relation === 'next')?.url ?? ''
  const rest: Bundle<Observation> = (await send('GET', next)).json()
  t.strictSame(
    rest.entry?.map(({ resource }) => resource?.effectiveDateTime),
    Array.from({ length: 20 }, (_, index) => second(40 + index)),
  )
  t.strictSame(
    rest.link?.map(({ relation }) => relation),
    ['self'],
  )
})

t.test('points can be limited to a time', async t => {
  const { points } = await pointsOf(ofSeconds, `?start=${second(10)}&end=${second(12)}`)
  t.strictSame(
    points.map(one => one.effectiveDateTime),
    [second(10), second(11), second(12)],
  )
  const later = (text: string) => text.replace('T07:', 'T08:').replace('.000Z', '+01:00')
  const elsewhere = await pointsOf(ofSeconds, `?start=${later(second(10))}&end=${later(second(12))}`)
  t.same(elsewhere.points, points, 'with an offset whose plus was not escaped')
})

t.test('operations that draw readings use each of its points, and so do those that count them', async t => {
  const day = 'subject=Patient/ann&start=2026-03-01&end=2026-03-01'
  const [{ resource }] = (await send('GET', `Observation/$series?${day}&code=8867-4&unit=/min&points=1`)).json()
    .parameter
  t.equal(resource.component[0].valueSampledData.data, String(minute.length))
  const { parameter } = (await send('GET', `Observation/$completeness?${day}`)).json()
  t.equal(parameter[0].resource.component[0].valueSampledData.data, String(minute.length))
})

t.test('RR intervals keep their own times, and are found by value', async t => {
  const beats = [0, 0.812, 1.63].map((at, index) => ({
    rr_interval: { value: [812, 818, 1201][index], unit: 'ms' },
    effective_time_frame: { date_time: second(at) },
  }))
  const id = await store(series('omh:rr-interval:1.0', beats, '2'))
  t.equal(await found('code=8637-1&value-quantity=gt1200||ms'), 1)
  const { points } = await pointsOf(id)
  t.strictSame(
    points.map(({ effectiveDateTime, valueQuantity }) => [effectiveDateTime, valueQuantity?.value]),
    [
      [second(0), 812],
      [second(0.812), 818],
      [second(1.63), 1201],
    ],
  )
})

t.test('a series with several values at each point has them all', async t => {
  const pressures = [0, 60].map(at => ({
    systolic_blood_pressure: { value: 120 + at / 60, unit: 'mmHg' },
    diastolic_blood_pressure: { value: 80, unit: 'mmHg' },
    effective_time_frame: { date_time: second(at) },
  }))
  const id = await store(series('omh:blood-pressure:4.0', pressures, '3'))
  const { component = [] }: Observation = (await send('GET', `Observation/${id}`)).json()
  t.strictSame(
    component.map(({ code, valueSampledData }) => [
      code.coding?.[0]?.code,
      valueSampledData?.data,
      valueSampledData?.period,
      valueSampledData?.origin.code,
    ]),
    [
      ['8480-6', '120 121', 60_000, 'mm[Hg]'],
      ['8462-4', '80 80', 60_000, 'mm[Hg]'],
    ],
  )
  t.equal(await found('component-code=8480-6&component-value-quantity=gt120||mm[Hg]'), 1)
  const { points } = await pointsOf(id)
  t.strictSame(
    points.map(({ component }) => component?.map(one => one.valueQuantity?.value)),
    [
      [120, 80],
      [121, 80],
    ],
  )
})

t.test('hourly steps are samples that last as long as the period, and are summed up', async t => {
  const hour = (at: number) => `2026-03-04T${String(10 + at)}:00:00+01:00`
  const walked = (at: number, until = hour(at + 1)) => ({
    step_count: { value: 100 + at, unit: 'steps' },
    effective_time_frame: { time_interval: { start_date_time: hour(at), end_date_time: until } },
  })
  const id = await store(
    series('omh:step-count:3.0', [walked(0), walked(1, '2026-03-04T11:59:59+01:00'), walked(3)], '8'),
  )
  const { valueSampledData, effectivePeriod }: Observation = (await send('GET', `Observation/${id}`)).json()
  t.match(valueSampledData, { period: 3_600_000, data: '100 101 E 103', origin: { code: '{steps}' } })
  t.strictSame(effectivePeriod, { start: hour(0), end: hour(4) })
  const { points } = await pointsOf(id)
  t.strictSame(
    points.map(one => [one.valueQuantity?.value, one.effectivePeriod?.start, one.effectivePeriod?.end]),
    [
      [100, hour(0), hour(1)],
      [101, hour(1), '2026-03-04T11:59:59+01:00'],
      [103, hour(3), hour(4)],
    ],
  )
  const day = 'subject=ann&code=omh:step-count&start=2026-03-04&end=2026-03-04'
  const { entry }: Bundle<Observation> = (await send('GET', `Observation/$daily-summary?${day}`)).json()
  t.equal(
    entry?.[0]?.resource?.component?.find(({ code }) => code.coding?.[0]?.code === 'sum')?.valueQuantity?.value,
    304,
  )
  const apart = await store(series('omh:step-count:3.0', [walked(5), walked(7)], '9'))
  const kept: Observation = (await send('GET', `Observation/${apart}`)).json()
  t.equal(kept.valueSampledData, undefined, 'how long each lasted could not be expressed')
})

const millivolt = { system: 'http://unitsofmeasure.org', code: 'mV' }
const lead = (name: string, data: string) => ({
  code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: name }] },
  valueSampledData: {
    origin: { value: 1.5, ...millivolt },
    period: 4,
    factor: 0.005,
    lowerLimit: -3,
    dimensions: 1,
    data,
  },
})
const ecg = {
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '11524-6' }] },
  subject: { reference: 'Patient/ann' },
  effectiveDateTime: '2026-03-01T08:00:00+01:00',
  component: [lead('131329', '10 -20 E L'), lead('131330', '1 2 E 4')],
}

t.test('an ECG has its leads at each moment, and no moment where nothing was measured', async t => {
  const id = await store(ecg)
  t.equal(await found('code=11524-6&component-value-quantity=gt1.54||mV'), 1)
  const { points, text } = await pointsOf(id)
  t.strictSame(
    points.map(one => one.effectiveDateTime),
    ['2026-03-01T08:00:00+01:00', '2026-03-01T08:00:00.004+01:00', '2026-03-01T08:00:00.012+01:00'],
  )
  t.strictSame(
    points[0]?.component?.map(({ code, valueQuantity }) => [code.coding?.[0]?.code, valueQuantity]),
    [
      ['131329', { value: 1.55, ...millivolt }],
      ['131330', { value: 1.505, ...millivolt }],
    ],
  )
  t.match(points[2]?.component?.[0]?.valueQuantity, { value: -3, comparator: /^<$/ })
  t.match(text, '"value":1.550', 'no digit is lost')
})

t.test('an Observation without samples is its own only point', async t => {
  const id = await store(upload(point('omh:heart-rate:2.0', heart(71, 600))))
  const { points } = await pointsOf(id)
  t.strictSame(
    points.map(one => [one.valueQuantity?.value, one.effectiveDateTime, one.derivedFrom]),
    [[71, second(600), [{ reference: `Observation/${id}` }]]],
  )
})

t.test('what cannot be answered is refused with the reason', async t => {
  const { effectiveDateTime: _, ...timeless } = ecg
  const id = await store(timeless)
  const ofWords = await store({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'ECG' },
    subject: { reference: 'Patient/ann' },
    effectiveDateTime: second(0),
    valueSampledData: { origin: { value: 0 }, period: 1, dimensions: 1, data: '12abc 3' },
  })
  const ofPlane = await store({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'Movement' },
    subject: { reference: 'Patient/ann' },
    effectiveDateTime: second(0),
    valueSampledData: { origin: { value: 0 }, period: 1, dimensions: 2, data: '1 2 3 4' },
  })
  const asked: readonly (readonly [string, number, RegExp])[] = [
    [`Observation/${ofPlane}/$points`, 422, /Only SampledData of one dimension/],
    [`Observation/${id}/$points`, 422, /have no times/],
    [`Observation/${ofWords}/$points`, 422, /12abc is no number/],
    [`Observation/${ofSeconds}/$points?_count=5001`, 400, /from 1 to 5000/],
    [`Observation/${ofSeconds}/$points?start=soon`, 400, /start is a date or dateTime/],
    [`Observation/${ofSeconds}/$points?code=1`, 400, /no parameter "code"/],
    ['Observation/nobody/$points', 404, /not known/],
  ]
  for (const [url, status, what] of asked) {
    const answer = await send('GET', url)
    t.equal(answer.statusCode, status, url)
    t.match(answer.json().issue[0].diagnostics, what)
  }
})

t.test('hundreds of thousands of samples are not returned one by one, however they are spaced', async t => {
  for (const space of [' ', '\n']) {
    const id = await store({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'ECG' },
      subject: { reference: 'Patient/ann' },
      effectiveDateTime: second(0),
      valueSampledData: {
        origin: { value: 0 },
        period: 1,
        dimensions: 1,
        data: Array.from({ length: 200_002 }, () => '1').join(space),
      },
    })
    const answer = await send('GET', `Observation/${id}/$points`)
    t.match([answer.statusCode, answer.json().issue], [422, [{ code: 'too-costly', diagnostics: /At most 200000/ }]])
  }
})

t.test('a period that ends with the last year, or begins with the first, leaves out no point', async t => {
  for (const query of ['?end=9999-12-31', '?end=9999', '?start=0001', '?start=0001-01-01T00:00:00%2B01:00&end=9999'])
    t.equal((await pointsOf(ofSeconds, query)).points.length, minute.length, query)
})
