import t from 'tap'
import { cgmFigures, cgmTimesInRanges } from '../../src/fhir/measured/cgm.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { anyGlucose } from '../../src/fhir/measured/glucose.ts'
import { percentile } from '../support/percentile.ts'
import { openSearching } from '../support/searching.ts'

const { server, ...world } = await openSearching()
type Stored = { readonly resourceType: string; readonly id: string; readonly [element: string]: unknown }
const put = (...resources: readonly Stored[]) => world.put(...resources)
t.teardown(() => server.close())
const ask = (query: Record<string, string>) =>
  server.inject({
    url: `/fhir/Observation/$glucose-profile?${new URLSearchParams(query)}`,
    headers: { authorization: 'Bearer everything' },
  })

const reading = (id: string, patient: string, effectiveDateTime: string, value: number, unit = 'mg/dL', more = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '99504-3' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime,
  valueQuantity: { value, system: 'http://unitsofmeasure.org', code: unit, ...more },
})

type Quantity = { value: number; code: string }
type Parameter = { name: string; valueInteger?: number; valueQuantity?: Quantity; part?: Record<string, unknown>[] }
const profileOf = async (query: Record<string, string>) => {
  const answer = await ask(query)
  t.equal(answer.statusCode, 200, answer.body)
  const { parameter } = answer.json<{ parameter: Parameter[] }>()
  const value = (name: string) => {
    const found = parameter.find(one => one.name === name)
    return found?.valueInteger ?? found?.valueQuantity?.value
  }
  const parts = (name: string) =>
    parameter
      .filter(one => one.name === name)
      .map(({ part = [] }) => part.map(({ name: _, ...one }) => Object.values(one)[0]))
  return {
    value,
    ranges: parts('range').map(([name, , count]) => [name, count]),
    times: parts('range').map(([, , , time]) => time as Quantity | undefined),
    ofDay: parts('time-of-day'),
  }
}

const near = (actual: number | undefined, expected: number) =>
  Math.abs((actual ?? Number.NaN) - expected) < 1e-6 * Math.max(1, Math.abs(expected))

await put({ resourceType: 'Patient', id: 'ann' }, { resourceType: 'Patient', id: 'bob' })
const start = Date.parse('2026-03-01T00:00:00Z')
let state = 11
const random = () => {
  state = (state * 48_271) % 2_147_483_647
  return state / 2_147_483_647
}
const readings = Array.from({ length: 3 * 288 }, (_, index) => ({
  at: new Date(start + index * 300_000),
  value: Math.round(40 + random() * 260),
})).filter(() => random() < 0.8)
await put(...readings.map(({ at, value }, index) => reading(`g-${index}`, 'ann', at.toISOString(), value)))
await put(reading('low', 'ann', '2026-03-02T10:00:00Z', 40, 'mg/dL', { comparator: '<' }), {
  ...reading('mistake', 'ann', '2026-03-02T10:00:00Z', 999),
  status: 'entered-in-error',
})

const period = { start: '2026-03-01', end: '2026-03-03' }
const instants = { start: '2026-03-01T00:00:00Z', end: '2026-03-03T23:59:59Z' }

t.test('the profile equals plain arithmetic over the same readings', async t => {
  const { value, ranges, times, ofDay } = await profileOf({
    subject: 'Patient/ann',
    ...instants,
    timezone: 'Asia/Kolkata',
  })
  const values = readings.map(one => one.value)
  const mean = values.reduce((sum, one) => sum + one, 0) / values.length
  const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (values.length - 1))
  t.equal(value('count'), values.length)
  t.equal(value('left-out'), 1)
  t.equal(value('days'), 4, 'of India')
  t.ok(near(value('mean'), mean))
  t.ok(near(value('standard-deviation'), deviation))
  t.ok(near(value('coefficient-of-variation'), (100 * deviation) / mean))
  t.ok(near(value('glucose-management-indicator'), 3.31 + 0.02392 * mean))
  const quarters = new Set(readings.map(({ at }) => Math.floor(at.getTime() / 900_000)))
  t.ok(near(value('active'), (100 * quarters.size) / (3 * 96)))
  const count = (holds: (one: number) => boolean) => values.filter(holds).length
  t.same(ranges, [
    ['very-low', count(one => one < 54) + 1],
    ['low', count(one => one >= 54 && one < 70)],
    ['in-range', count(one => one >= 70 && one <= 180)],
    ['high', count(one => one > 180 && one <= 250)],
    ['very-high', count(one => one > 250)],
  ])
  const all = values.length + 1
  for (const [index, [name, of]] of ranges.entries())
    t.ok(near(times[index]?.value, (100 * Number(of)) / all) && times[index]?.code === '%', `the time of ${name}`)
  const clock = (at: Date) => {
    const local = new Date(at.getTime() + 5.5 * 3_600_000)
    const minutes = Math.floor(local.getUTCMinutes() / 15) * 15
    return `${local.toISOString().slice(11, 14)}${String(minutes).padStart(2, '0')}:00`
  }
  const byQuarter = [...Map.groupBy(readings, ({ at }) => clock(at))].sort()
  t.same(
    ofDay.map(([start, count, ...percentiles]) => [start, count, ...percentiles.map(one => Number(one).toFixed(6))]),
    byQuarter.map(([start, some]) => [
      start,
      some.length,
      ...[0.05, 0.25, 0.5, 0.75, 0.95].map(fraction =>
        percentile(
          some.map(one => one.value),
          fraction,
        ).toFixed(6),
      ),
    ]),
  )
})

t.test(
  'a value that is only known to be below or above a number is in the range where it must be, and in no other figure',
  async t => {
    const bounded = (day: string, comparator: string, value: number, unit = 'mg/dL') =>
      reading(`bounded-${day}`, 'bob', `2026-05-${day}T10:00:00Z`, value, unit, { comparator })
    await put(
      reading('of-number', 'bob', '2026-05-01T10:00:00Z', 100),
      bounded('02', '<', 54),
      bounded('03', '<=', 54),
      bounded('04', '<', 2.2, 'mmol/L'),
      bounded('05', '<', 70),
      bounded('06', '>', 250),
      bounded('07', '>=', 250),
      bounded('08', '>', 22.2, 'mmol/L'),
      { ...bounded('09', '<', 40), id: 'bounded-mistake', status: 'entered-in-error' },
      bounded('10', '<=', 53),
      bounded('11', '>=', 251),
      bounded('12', '<', 55),
      bounded('13', '>', 249),
    )
    const { value, ranges } = await profileOf({ subject: 'Patient/bob', start: '2026-05-01', end: '2026-05-31' })
    t.same([value('count'), value('left-out'), value('days'), value('mean')], [1, 11, 7, 100])
    t.same(ranges, [
      ['very-low', 3],
      ['low', 0],
      ['in-range', 1],
      ['high', 0],
      ['very-high', 3],
    ])
  },
)

t.test('each reading is compared in its own unit, and 18.016 mg/dL are 1 mmol/L', async t => {
  const edges: readonly (readonly [number, string, number])[] = [
    [53, 'mg/dL', 0],
    [54, 'mg/dL', 1],
    [69, 'mg/dL', 1],
    [70, 'mg/dL', 2],
    [180, 'mg/dL', 2],
    [181, 'mg/dL', 3],
    [250, 'mg/dL', 3],
    [251, 'mg/dL', 4],
    [2.9, 'mmol/L', 0],
    [3, 'mmol/L', 1],
    [3.8, 'mmol/L', 1],
    [3.9, 'mmol/L', 2],
    [10, 'mmol/L', 2],
    [10.1, 'mmol/L', 3],
    [13.9, 'mmol/L', 3],
    [14, 'mmol/L', 4],
  ]
  for (const [index, [value, unit, range]] of edges.entries()) {
    const day = `2026-04-${String(index + 1).padStart(2, '0')}`
    await put(reading(`edge-${index}`, 'bob', `${day}T08:00:00Z`, value, unit))
    const milligrams = unit === 'mg/dL' ? value : value * 18.016
    const millimoles = unit === 'mmol/L' ? value : value / 18.016
    for (const [asked, mean] of [
      ['mg/dL', milligrams],
      ['mmol/L', millimoles],
    ] as const) {
      const said = `${value} ${unit} in ${asked}`
      const profile = await profileOf({ subject: 'bob', start: day, end: day, unit: asked })
      t.equal(
        profile.ranges.findIndex(([, count]) => count === 1),
        range,
        said,
      )
      t.ok(near(profile.value('mean'), mean), said)
      t.ok(near(profile.value('glucose-management-indicator'), 3.31 + 0.02392 * milligrams), said)
    }
  }
})

t.test('samples of a signal are compared in its own unit, at the edges of the ranges too', async t => {
  const { valueQuantity: _, ...signal } = reading('signal', 'leo', '2026-05-01T08:00:00Z', 0)
  const samples = (id: string, unit: string, data: string, more = {}) => ({
    ...signal,
    id,
    valueSampledData: {
      origin: { value: 0, system: 'http://unitsofmeasure.org', code: unit },
      period: 300_000,
      dimensions: 1,
      data,
      ...more,
    },
  })
  await put(
    { resourceType: 'Patient', id: 'leo' },
    samples('moles', 'mmol/L', '2.9 3 3.8 3.9 10 10.1 13.9 14'),
    { ...samples('mass', 'mg/dL', '53 54 69 70 180 181 250 251'), effectiveDateTime: '2026-05-01T12:00:00Z' },
    {
      ...samples('scaled', 'mmol/L', '29 30 38 39 100 101 139 140', { factor: 0.1 }),
      effectiveDateTime: '2026-05-01T16:00:00Z',
    },
  )
  for (const unit of ['mg/dL', 'mmol/L']) {
    const { value, ranges } = await profileOf({ subject: 'leo', start: '2026-05-01', end: '2026-05-01', unit })
    t.equal(value('count'), 24)
    t.same(
      ranges.map(([, count]) => count),
      [3, 6, 6, 6, 3],
      unit,
    )
  }
})

t.test('time with readings is never more than all the time that has passed', async t => {
  await put(
    { resourceType: 'Patient', id: 'cas' },
    // Of a sensor whose clock is wrong.
    ...[0, 15, 30, 45].map(minute => reading(`ahead-${minute}`, 'cas', `2099-05-01T08:${minute || '00'}:00Z`, 120)),
    ...['08:14', '08:29', '08:31'].map((clock, index) =>
      reading(`on-time-${index}`, 'cas', `2026-05-01T${clock}:00Z`, 120),
    ),
  )
  const ahead = await profileOf({ subject: 'cas', start: '2099-05-01', end: '2099-05-01' })
  t.same([ahead.value('count'), ahead.value('active')], [4, 0], 'the future has no time')
  const quarter = 900_000
  const first = Math.floor(Date.now() / quarter) * quarter - 20 * quarter
  const past = Array.from({ length: 20 }, (_, index) => new Date(first + index * quarter).toISOString())
  await put(
    { resourceType: 'Patient', id: 'dee' },
    ...past.map((time, index) => reading(`dee-${index}`, 'dee', time, 100)),
  )
  const untilTomorrow = { start: past[0] ?? '', end: new Date(first + 120 * quarter).toISOString() }
  const { value } = await profileOf({ subject: 'dee', ...untilTomorrow })
  t.ok(Number(value('active')) >= 90, 'what is yet to come of the period is no time without readings')
  const edges = { start: '2026-05-01T08:14:00Z', end: '2026-05-01T08:31:00Z' }
  t.equal(
    (await profileOf({ subject: 'cas', ...edges })).value('active'),
    100,
    'quarter hours of which only a part is asked for',
  )
})

t.test(
  'days of 23 and 25 hours are whole days, and the hour that they lack or have twice is in the usual day so',
  async t => {
    const [quarter, hours] = [900_000, 3_600_000]
    for (const [patient, first, last, start, length, ofTwo] of [
      ['joy', '2026-03-28', '2026-03-30', '2026-03-27T23:00:00Z', 71, 2],
      ['kai', '2026-10-24', '2026-10-26', '2026-10-23T22:00:00Z', 73, 4],
    ] as const) {
      const at = (index: number) => new Date(Date.parse(start) + index * quarter).toISOString()
      const times = Array.from({ length: (length * hours) / quarter }, (_, index) => at(index))
      await put(
        { resourceType: 'Patient', id: patient },
        ...times.map((time, index) => reading(`${patient}-${index}`, patient, time, 100)),
        // Of the days before and after.
        reading(`${patient}-before`, patient, at(-1), 300),
        reading(`${patient}-after`, patient, at(times.length), 300),
      )
      const { value, ofDay } = await profileOf({ subject: patient, start: first, end: last, timezone: 'Europe/Berlin' })
      t.same(
        [value('count'), value('days'), value('active'), value('mean')],
        [times.length, 3, 100, 100],
        `${first} to ${last}`,
      )
      t.same(
        ofDay.map(([, count]) => count),
        Array.from({ length: 96 }, (_, index) => (index >= 8 && index < 12 ? ofTwo : 3)),
      )
    }
  },
)

t.test('a reading that came in two ways counts once', async t => {
  const told = (id: string, time: string, value: number, more = {}, of = {}) => ({
    ...reading(id, 'eli', `2026-05-01T${time}:00Z`, value, 'mg/dL', more),
    ...of,
  })
  const phone = { device: { display: 'Phone' } }
  await put(
    { resourceType: 'Patient', id: 'eli' },
    told('sensor-1', '08:00', 60),
    told('sensor-2', '08:05', 100),
    told('sensor-3', '08:10', 40, { comparator: '<' }),
    told('phone-1', '08:00', 60, {}, phone),
    told('phone-3', '08:10', 40, { comparator: '<' }, phone),
    told('meter', '08:05', 120),
  )
  const { value, ranges } = await profileOf({ subject: 'eli', start: '2026-05-01', end: '2026-05-01' })
  t.same([value('count'), Math.round(Number(value('mean')) * 1000)], [3, 93_333])
  t.same(
    ranges.map(([, count]) => count),
    [1, 1, 2, 0, 0],
  )
})

t.test('the same number twice on a date without a time is two readings', async t => {
  const low = { comparator: '<' }
  await put(
    { resourceType: 'Patient', id: 'ida' },
    ...[1, 2].map(times => reading(`ida-${times}`, 'ida', '2026-05-01', 100)),
    ...[1, 2].map(times => reading(`ida-low-${times}`, 'ida', '2026-05-01', 40, 'mg/dL', low)),
  )
  const { value, ranges } = await profileOf({ subject: 'ida', start: '2026-05-01', end: '2026-05-01' })
  t.equal(value('count'), 2)
  t.same(
    ranges.map(([, count]) => count),
    [2, 0, 2, 0, 0],
  )
})

t.test('a reading that was sent in both units counts once, as in mg/dL', async t => {
  const told = (id: string, time: string, value: number, unit = 'mg/dL', more = {}) =>
    reading(id, 'fay', `2026-05-01T${time}:00Z`, value, unit, more)
  await put(
    { resourceType: 'Patient', id: 'fay' },
    told('mass-1', '08:00', 100),
    told('moles-1', '08:00', 5.6, 'mmol/L'),
    // With the factor 18.
    told('mass-2', '08:05', 346),
    told('moles-2', '08:05', 19.2, 'mmol/L'),
    told('mass-3', '08:10', 100),
    told('moles-3', '08:10', 5.7, 'mmol/L'),
    told('mass-4', '08:15', 40, 'mg/dL', { comparator: '<' }),
    told('moles-4', '08:15', 2.2, 'mmol/L', { comparator: '<' }),
    told('moles-5', '08:20', 10, 'mmol/L'),
  )
  const asked = { subject: 'fay', start: '2026-05-01', end: '2026-05-01' }
  for (const unit of ['mg/dL', 'mmol/L']) {
    const { value, ranges } = await profileOf({ ...asked, unit })
    t.equal(value('count'), 5, unit)
    t.same(
      ranges.map(([, count]) => count),
      [1, 0, 4, 0, 1],
      unit,
    )
  }
  const { value } = await profileOf(asked)
  t.ok(near(Number(value('mean')), (100 + 346 + 100 + 5.7 * 18.016 + 180.16) / 5))
})

t.test('a number that stands for an error is not a reading, but the highest value ever reported is', async t => {
  const told = (id: string, value: number, unit = 'mg/dL') =>
    reading(id, 'gil', `2026-05-01T${id.slice(-2)}:00:00Z`, value, unit)
  await put(
    { resourceType: 'Patient', id: 'gil' },
    told('gil-08', 100),
    told('gil-09', 5600),
    told('gil-10', 9999),
    told('gil-11', 555, 'mmol/L'),
  )
  const asked = { subject: 'gil', start: '2026-05-01', end: '2026-05-01' }
  const { value, ranges } = await profileOf(asked)
  t.same([value('count'), value('left-out'), value('mean')], [2, 2, 2850])
  t.ok(near(value('active'), 200 / 96), 'nor is it time with a reading')
  t.same(
    ranges.map(([, count]) => count),
    [0, 0, 1, 0, 1],
  )
  const { value: inMoles } = await profileOf({ ...asked, unit: 'mmol/L' })
  t.same([inMoles('count'), inMoles('left-out')], [2, 2])
})

t.test('readings that are all zero have a mean, but no variation', async t => {
  await put(
    { resourceType: 'Patient', id: 'hal' },
    ...['08', '09'].map(hour => reading(`hal-${hour}`, 'hal', `2026-05-01T${hour}:00:00Z`, 0)),
  )
  const { value } = await profileOf({ subject: 'hal', start: '2026-05-01', end: '2026-05-01' })
  t.strictSame([value('mean'), value('standard-deviation'), value('coefficient-of-variation')], [0, 0, undefined])
})

t.test('without readings there is no mean and no indicator, and no range has time', async t => {
  const answer = await ask({ subject: 'nobody', ...period })
  const { parameter } = answer.json<{ parameter: Parameter[] }>()
  t.same(
    parameter.filter(({ name }) => name !== 'range'),
    [
      { name: 'count', valueInteger: 0 },
      { name: 'left-out', valueInteger: 0 },
      { name: 'days', valueInteger: 0 },
      { name: 'active', valueQuantity: { value: 0, unit: '%', system: 'http://unitsofmeasure.org', code: '%' } },
    ],
  )
  t.same(
    parameter.filter(({ name }) => name === 'range').map(({ part = [] }) => part.map(one => Object.values(one))),
    [
      ['very-low', '< 54 mg/dL'],
      ['low', '54–69 mg/dL'],
      ['in-range', '70–180 mg/dL'],
      ['high', '181–250 mg/dL'],
      ['very-high', '> 250 mg/dL'],
    ].map(([name, bounds]) => [
      ['name', name],
      ['bounds', bounds],
      ['count', 0],
    ]),
  )
})

const ofSummaries = new Set([
  ...Object.values(cgmFigures).map(({ code }): string => code),
  ...cgmTimesInRanges.ranges,
  cgmTimesInRanges.code,
  '107931-8',
])

t.test('without a code everything that is shared as blood glucose is used', t => {
  const { kinds, spellings } = openCodeClasses()
  const kind = kinds().find(({ key }) => key === 'omh:blood-glucose')
  const own = spellings('omh:blood-glucose').filter(({ system }) => system === 'http://loinc.org')
  t.same(
    anyGlucose.map(({ code }) => code).sort(),
    [
      'omh:blood-glucose',
      ...own.map(({ code }) => code),
      ...(kind?.narrower ?? []).map(({ code }) => code).filter(code => !ofSummaries.has(code)),
    ].sort(),
  )
  t.end()
})

t.test('with codes only readings that have one of them are used', async t => {
  const drawn = { code: { coding: [{ system: 'http://loinc.org', code: '2339-0' }] } }
  await put(
    { resourceType: 'Patient', id: 'gil' },
    reading('gil-sensor', 'gil', '2026-03-01T08:00:00Z', 100),
    { ...reading('gil-drawn', 'gil', '2026-03-01T09:00:00Z', 120), ...drawn },
    {
      ...reading('gil-capillary', 'gil', '2026-03-01T10:00:00Z', 140),
      code: { coding: [{ system: 'http://loinc.org', code: '41653-7' }] },
    },
  )
  const meanOf = async (code?: string) => {
    const { value } = await profileOf({ subject: 'Patient/gil', ...period, ...(code === undefined ? {} : { code }) })
    return [value('count'), value('mean')]
  }
  t.same(await meanOf(), [3, 120])
  t.same(await meanOf('http://loinc.org|2339-0'), [1, 120])
  t.same(await meanOf('http://loinc.org|99504-3,41653-7'), [2, 120])
  t.same(await meanOf('http://loinc.org|14743-9'), [0, undefined])
})

t.test('a wrong request is refused', async t => {
  for (const [wrong, said] of [
    [{ unit: 'g/L' }, /unit is mg\/dL or mmol\/L, not "g\/L"/],
    [{ points: '5' }, /\$glucose-profile has no parameter "points"/],
  ] as const) {
    const answer = await ask({ subject: 'ann', ...period, ...wrong })
    t.equal(answer.statusCode, 400)
    t.match(answer.json().issue[0].diagnostics, said)
  }
})
