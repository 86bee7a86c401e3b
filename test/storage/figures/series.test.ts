import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put } = await openSearching()
t.teardown(() => server.close())

const coded = (...codes: readonly string[]) => ({ coding: codes.map(code => ({ system: 'http://loinc.org', code })) })
let made = 0
const steps = (effective: object, value: number, more: object = {}) => ({
  resourceType: 'Observation',
  id: `steps-${++made}`,
  status: 'final',
  code: coded('55423-8'),
  subject: { reference: 'Patient/ann' },
  ...effective,
  valueQuantity: { value, system: 'http://unitsofmeasure.org', code: '{steps}' },
  ...more,
})
const lasting = (start: string, end: string) => ({ effectivePeriod: { start, end } })
const ofDay = { code: coded('41950-7') }
const phone = { device: { reference: 'Device/phone' } }

await put({ resourceType: 'Patient', id: 'ann' }, { resourceType: 'Device', id: 'phone' })

const asked = (operation: string, query: Readonly<Record<string, string>>) =>
  server.inject({
    url: `/fhir/Observation/$${operation}?${new URLSearchParams({ subject: 'Patient/ann', ...query })}`,
    headers: { authorization: 'Bearer everything' },
  })

/** The sums of the days, one list for each source. */
const sumsOf = async (start: string, end: string, timezone: string) => {
  const code = 'omh:step-count,41950-7'
  const answer = await asked('series', { code, unit: '{steps}', start, end, timezone, step: 'day' })
  t.equal(answer.statusCode, 200)
  type Found = { resource?: { component: { valueSampledData: { data: string } }[] } }
  return answer
    .json<{ parameter: Found[] }>()
    .parameter.flatMap(({ resource }) => resource?.component.at(-1)?.valueSampledData.data ?? [])
}

t.test('the hours of a day and its total from the same source are not added: the larger counts', async t => {
  const hours = (day: string, values: readonly number[], more = {}) =>
    values.map((value, hour) => {
      const start = `${day}T${String(hour + 8).padStart(2, '0')}`
      return steps(lasting(`${start}:00:00Z`, `${start}:59:59Z`), value, more)
    })
  const day = (day: string) => lasting(`${day}T00:00:00Z`, `${day}T23:59:59Z`)
  await put(
    ...hours('2026-03-01', [100, 200, 300]),
    steps(day('2026-03-01'), 1000),
    ...hours('2026-03-02', [500, 600, 700]),
    steps(day('2026-03-02'), 1500),
    ...hours('2026-03-03', [500, 600, 700]),
    steps(day('2026-03-03'), 1000, phone),
    steps(lasting('2026-03-04T10:00:00Z', '2026-03-04T10:05:00Z'), 40),
    steps(lasting('2026-03-04T10:05:00Z', '2026-03-04T10:10:00Z'), 50),
    steps(lasting('2026-03-04T10:00:00Z', '2026-03-04T11:00:00Z'), 80),
    steps(lasting('2026-03-04T11:00:00Z', '2026-03-04T12:00:00Z'), 7),
    steps({ effectiveDateTime: '2026-03-04T11:00:00Z' }, 2),
    steps({ effectiveDateTime: '2026-03-04T11:30:00Z' }, 4),
    steps({ effectiveDateTime: '2026-03-04T11:30:00Z' }, 3),
  )
  t.same(await sumsOf('2026-03-01', '2026-03-04', 'UTC'), ['1000 1800 1800 99', 'E E 1000 E'])
})

t.test(
  'the same time in two kinds is not added: a night and its sleep episode, energy and that of an activity',
  async t => {
    const quantity = (value: number, code: string) => ({ value, system: 'http://unitsofmeasure.org', code })
    const asleep = (id: string, code: object, start: string, end: string, more: object) => ({
      ...steps(lasting(start, end), 0, { code, valueQuantity: undefined, ...more }),
      id,
    })
    const night = ['2026-02-01T23:00:00Z', '2026-02-02T06:00:00Z'] as const
    const omh = (code: string) => ({ coding: [{ system: 'https://w3id.org/openmhealth', code }] })
    const hour = ['2026-02-02T10:00:00Z', '2026-02-02T11:00:00Z'] as const
    await put(
      asleep('night', coded('93832-4'), ...night, { valueQuantity: quantity(7, 'h') }),
      asleep('episode', omh('omh:sleep-episode:1.1'), ...night, {
        component: [{ code: coded('93832-4'), valueQuantity: quantity(400, 'min') }],
      }),
      asleep('nap', omh('omh:sleep-episode:1.1'), '2026-02-02T13:00:00Z', '2026-02-02T13:30:00Z', {
        component: [{ code: coded('93832-4'), valueQuantity: quantity(30, 'min') }],
      }),
      asleep('energy', coded('41981-2'), ...hour, { valueQuantity: quantity(300, 'kcal') }),
      asleep('activity', omh('omh:physical-activity:1.2'), ...hour, {
        component: [{ code: coded('41981-2'), valueQuantity: quantity(150, 'kcal') }],
      }),
    )
    const answer = await asked('daily-summary', { start: '2026-02-02', end: '2026-02-02' })
    type Summary = { component: { valueQuantity: { value: number } }[] }
    t.same(
      answer
        .json<{ entry: { resource: Summary }[] }>()
        .entry.map(({ resource: { component } }) => component.map(({ valueQuantity }) => valueQuantity.value)),
      [
        [2, 300],
        [3, 7.5],
      ],
      'how many readings, and what they come to',
    )
  },
)

t.test('a total of 24 hours belongs to the day of its time, whatever else that day has', async t => {
  await put(
    steps({ effectiveDateTime: '2026-04-01T21:30:00+02:00' }, 4000, ofDay),
    steps(lasting('2026-04-01T10:00:00+02:00', '2026-04-01T11:00:00+02:00'), 900),
    steps({ effectiveDateTime: '2026-04-02' }, 5000, ofDay),
    steps({ effectiveDateTime: '2026-04-02' }, 4500, ofDay),
    steps(lasting('2026-04-03T00:00:00+02:00', '2026-04-03T23:59:59+02:00'), 6000, {
      code: coded('41950-7', '55423-8'),
    }),
  )
  t.same(await sumsOf('2026-03-31T22:00:00Z', '2026-04-03T21:59:59Z', 'Europe/Berlin'), ['4000 5000 6000'])
})

t.test('a rate per day counts as the total of 24 hours, and other rates and units count for nothing', async t => {
  const rate = (value: number, code: string) => ({
    valueQuantity: { value, system: 'http://unitsofmeasure.org', code },
  })
  await put(
    steps({ effectiveDateTime: '2026-05-01' }, 0, { ...ofDay, ...rate(7000, '{steps}/(24.h)') }),
    steps({ effectiveDateTime: '2026-05-02' }, 0, { ...ofDay, ...rate(8000, '/d') }),
    steps({ effectiveDateTime: '2026-05-03' }, 0, { ...ofDay, ...rate(8000, 'kg/d') }),
    steps({ effectiveDateTime: '2026-05-03T10:00:00Z' }, 0, rate(100, '/min')),
  )
  t.same(await sumsOf('2026-05-01', '2026-05-03', 'UTC'), ['7000 8000 E'])
})

t.test('$daily-summary has the same sums, for energy too', async t => {
  const energy = (effective: object, code: string, value: number) =>
    steps(effective, value, {
      code: coded(code),
      valueQuantity: { value, system: 'http://unitsofmeasure.org', code: 'kcal' },
    })
  await put(
    energy({ effectiveDateTime: '2026-04-02' }, '41979-6', 2000),
    energy(lasting('2026-04-02T10:00:00Z', '2026-04-02T11:00:00Z'), '41981-2', 150),
  )
  const answer = await asked('daily-summary', { start: '2026-04-01', end: '2026-04-02', timezone: 'Europe/Berlin' })
  type Summary = { code: { coding: [{ code: string }] }; component: { valueQuantity: { value: number } }[] }
  t.same(
    answer
      .json<{ entry: { resource: Summary }[] }>()
      .entry.map(({ resource: { code, component } }) => [code.coding[0].code, component[1]?.valueQuantity.value]),
    [
      ['omh:step-count', 4000],
      ['omh:step-count', 5000],
      ['omh:calories-burned', 2000],
    ],
  )
})

t.test(
  'the total from one midnight to the next is of that day, also for a reader for whom it began a day before',
  async t => {
    await put(steps(lasting('2026-06-12T00:00:00+02:00', '2026-06-12T23:59:59+02:00'), 2500, ofDay))
    for (const timezone of ['Europe/Berlin', 'Europe/London', 'America/New_York', 'Asia/Tokyo'])
      t.same(await sumsOf('2026-06-11', '2026-06-13', timezone), ['E 2500 E'], timezone)
  },
)

t.test('a day that was written without a time is the same day in every time zone', async t => {
  await put(steps({ effectiveDateTime: '2026-06-02' }, 3000, ofDay))
  for (const [timezone, start, end] of [
    ['Pacific/Honolulu', '2026-06-01T10:00:00Z', '2026-06-04T09:59:59Z'],
    ['America/Lima', '2026-06-01T05:00:00Z', '2026-06-04T04:59:59Z'],
    ['Pacific/Tongatapu', '2026-05-31T11:00:00Z', '2026-06-03T10:59:59Z'],
  ] as const)
    t.same(await sumsOf(start, end, timezone), ['E 3000 E'], timezone)
})

t.test('the sum is the largest that readings without overlap come to, as trying all subsets shows', async t => {
  let state = 11
  const random = (below: number) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const most = (readings: readonly (readonly number[])[]): number => {
    const [[since = 0, until = 0, amount = 0] = [], ...others] = readings
    if (readings.length === 0) return 0
    const apart = others.filter(([from = 0, to = 0]) => from >= until || to <= since)
    return Math.max(most(others), amount + most(apart))
  }
  for (let round = 0; round < 60; round++) {
    const readings = Array.from({ length: 1 + random(9) }, () => {
      const since = random(20)
      return [since, since + 1 + random(8), 1 + random(50)] as const
    }).toSorted((one, other) => one[1] - other[1] || one[0] - other[0])
    const column = (index: number) =>
      sql.array(
        readings.map(one => one[index] ?? 0),
        'float8',
      )
    const moments = (index: number) => sql.fragment`ARRAY(SELECT to_timestamp(unnest(${column(index)})))`
    const [row] = await database.any<{ sum: number }>(
      sql.fragment`SELECT sum_apart(${moments(0)}, ${moments(1)}, ${column(2)}) AS sum`,
    )
    t.equal(row?.sum, most(readings), JSON.stringify(readings))
  }
})
