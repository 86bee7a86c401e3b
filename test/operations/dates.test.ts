import { randomUUID } from 'node:crypto'
import t from 'tap'
import { point, upload } from '../mhealth/upload.ts'
import { openSearching } from '../support/searching.ts'

const { server, put } = await openSearching()
t.teardown(() => server.close())
const ask = async <T>(operation: string, query: Readonly<Record<string, string>>): Promise<T> => {
  const answer = await server.inject({
    url: `/fhir/Observation/$${operation}?${new URLSearchParams({ subject: 'Patient/ann', ...query })}`,
    headers: { authorization: 'Bearer everything' },
  })
  t.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}
let made = 0
const reading = (code: string, effective: object, value: number, unit: string) => ({
  resourceType: 'Observation',
  id: `reading-${++made}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }] },
  subject: { reference: 'Patient/ann' },
  ...effective,
  valueQuantity: { value, system: 'http://unitsofmeasure.org', code: unit },
})
const on = (effectiveDateTime: string) => ({ effectiveDateTime })
const from = (start: string, end: string) => ({ effectivePeriod: { start, end } })
const places = ['UTC', 'Pacific/Honolulu', 'America/Los_Angeles', 'Asia/Kathmandu', 'Pacific/Auckland']

await put(
  { resourceType: 'Patient', id: 'ann' },
  reading('29463-7', on('2026-03-05'), 80, 'kg'),
  reading('55423-8', from('2026-03-06', '2026-03-06'), 5000, '{steps}'),
  // Within the day of each of the places.
  reading('55423-8', from('2026-03-06T10:10:00Z', '2026-03-06T10:20:00Z'), 700, '{steps}'),
  reading('93832-4', on('2026-03-07'), 7.5, 'h'),
  reading('93832-4', from('2026-03-08', '2026-03-09'), 8, 'h'),
  reading('8867-4', from('2026-03-10', '2026-03-12'), 60, '/min'),
)

type Summary = {
  code: { coding: [{ code: string }] }
  effectivePeriod: { start: string }
  component: { valueQuantity: { value: number } }[]
}

t.test(
  'a value with a date only is on that day in every time zone, and one with several on the first or the last',
  async t => {
    for (const timezone of places) {
      const { entry } = await ask<{ entry: { resource: Summary }[] }>('daily-summary', {
        start: '2026-03-01',
        end: '2026-03-31',
        timezone,
      })
      t.same(
        entry.map(({ resource: { code, effectivePeriod, component } }) => [
          code.coding[0].code,
          effectivePeriod.start,
          component[1]?.valueQuantity.value,
        ]),
        [
          ['omh:step-count', '2026-03-06', 5000],
          ['omh:sleep-duration', '2026-03-07', 7.5],
          ['omh:sleep-duration', '2026-03-09', 8],
          ['omh:heart-rate', '2026-03-10', 60],
          ['omh:body-weight', '2026-03-05', 80],
        ],
        timezone,
      )
    }
  },
)

t.test('$completeness counts it on that day', async t => {
  for (const timezone of places) {
    const { parameter } = await ask<{
      parameter: { resource: { component: [{ valueSampledData: { data: string } }] } }[]
    }>('completeness', { start: '2026-03-04', end: '2026-03-11', timezone })
    t.equal(parameter[0]?.resource.component[0].valueSampledData.data, 'E 1 2 1 1 E 1 E', timezone)
  }
})

t.test('a date is that date also in the time zones that are furthest from UTC', async t => {
  await put(
    reading('29463-7', on('2025-07-05'), 80, 'kg'),
    reading('93832-4', on('2025-07-05'), 7.5, 'h'),
    reading('41950-7', on('2025-07-05'), 5000, '{steps}'),
    reading('99504-3', on('2025-07-05'), 100, 'mg/dL'),
  )
  for (const timezone of ['Etc/GMT+12', 'Pacific/Pago_Pago', 'Pacific/Chatham', 'Pacific/Kiritimati']) {
    const days = { start: '2025-07-05', end: '2025-07-05', timezone }
    const { entry = [] } = await ask<{ entry?: { resource: Summary }[] }>('daily-summary', days)
    const codes = entry.map(({ resource }) => resource.code.coding[0].code)
    t.same(codes, ['omh:step-count', 'omh:sleep-duration', 'omh:body-weight', '99504-3'], timezone)
    const answer = await ask<{ parameter?: Parameter[] }>('completeness', days)
    t.match(answer.parameter?.[0], { resource: { component: [{ valueSampledData: { data: '4' } }] } }, timezone)
    const { parameter } = await ask<{ parameter: Parameter[] }>('glucose-profile', days)
    t.equal(parameter.find(({ name }) => name === 'count')?.valueInteger, 1, timezone)
    const nextDay = { start: '2025-07-06', end: '2025-07-06', timezone }
    t.notOk((await ask<{ entry?: object[] }>('daily-summary', nextDay)).entry, timezone)
  }
})

type Parameter = { name: string; valueInteger?: number; valueQuantity?: { value: number }; part?: object[] }

t.test(
  'in a series, a reading with a date only is at noon by the clock of the place, also when that is changed',
  async t => {
    await put(reading('9279-1', on('2026-03-08'), 14, '/min'))
    type Series = { parameter: { resource: { component: { valueSampledData: { data: string } }[] } }[] }
    const hoursAt = async (timezone: string) => {
      const query = { code: '9279-1', unit: '/min', start: '2026-03-08', end: '2026-03-08', points: '25', timezone }
      const counts = (await ask<Series>('series', query)).parameter[0]?.resource.component[0]?.valueSampledData.data
      return [counts?.split(' ').length, counts?.split(' ').indexOf('1')]
    }
    t.same(await hoursAt('Pacific/Auckland'), [24, 12])
    t.same(await hoursAt('America/Los_Angeles'), [23, 11], 'the clock skips an hour of the night')
  },
)

t.test('glucose with a date only counts, and has no time in the usual day', async t => {
  await put(
    reading('99504-3', on('2026-04-15'), 100, 'mg/dL'),
    reading('99504-3', on('2026-04-15T10:20:00Z'), 140, 'mg/dL'),
  )
  for (const timezone of places) {
    const { parameter } = await ask<{ parameter: Parameter[] }>('glucose-profile', {
      start: '2026-04-15',
      end: '2026-04-15',
      timezone,
    })
    const found = (name: string) => parameter.find(one => one.name === name)
    const figures = [found('count')?.valueInteger, found('days')?.valueInteger, found('mean')?.valueQuantity?.value]
    t.same(figures, [2, 1, 120], timezone)
    t.match(found('active')?.valueQuantity, { value: 100 / 96 }, 'the quarter of an hour of the other one')
    t.equal(parameter.filter(({ name }) => name === 'time-of-day').length, 1)
  }
})

t.test('dates of the requested period are those of the time zone', async t => {
  const midnight = (value: number, time: string) => reading('9279-1', on(`2026-05-${time}`), value, '/min')
  await put(
    midnight(11, '02T06:59:00Z'),
    midnight(12, '02T07:00:00Z'),
    midnight(13, '03T06:59:00Z'),
    midnight(14, '03T07:00:00Z'),
  )
  const query = { code: '9279-1', unit: '/min', timezone: 'America/Los_Angeles', step: 'day' }
  type Series = {
    parameter: { resource?: { effectivePeriod: object; component: { valueSampledData: { data: string } }[] } }[]
  }
  const asked = async (start: string, end: string) => {
    const [found] = (await ask<Series>('series', { ...query, start, end })).parameter
    return [found?.resource?.component[0]?.valueSampledData.data, found?.resource?.effectivePeriod]
  }
  const day = { start: '2026-05-02T07:00:00.000Z', end: '2026-05-03T07:00:00.000Z' }
  t.same(await asked('2026-05-02', '2026-05-02'), ['2', day])
  const month = { start: '2026-05-01T07:00:00.000Z', end: '2026-06-01T07:00:00.000Z' }
  t.same(await asked('2026-05', '2026-05'), [`1 2 1${' E'.repeat(28)}`, month])
  const { parameter } = await ask<{ parameter: Parameter[] }>('glucose-profile', {
    start: '2026-04-15',
    end: '2026-04-16',
    timezone: 'America/Los_Angeles',
  })
  t.match(parameter.find(({ name }) => name === 'active')?.valueQuantity, { value: 100 / 192 }, 'two whole days')
})

t.test(
  'what has times is on the day of its moment in each time zone, even if one of them is midnight in UTC',
  async t => {
    await put(
      reading('8310-5', from('2025-09-02T00:00:00Z', '2025-09-03T06:00:00Z'), 37, 'Cel'),
      reading('9279-1', from('2025-09-02T20:00:00Z', '2025-09-03T23:59:59Z'), 14, '/min'),
    )
    const daysIn = async (timezone: string) => {
      const query = { start: '2025-09-01', end: '2025-09-04', timezone }
      const { entry } = await ask<{ entry: { resource: Summary }[] }>('daily-summary', query)
      return entry.map(({ resource: { effectivePeriod } }) => effectivePeriod.start)
    }
    t.same(await daysIn('UTC'), ['2025-09-02', '2025-09-02'])
    t.same(await daysIn('America/Los_Angeles'), ['2025-09-02', '2025-09-01'], 'first the breaths, then the temperature')
    t.same(await daysIn('Asia/Tokyo'), ['2025-09-03', '2025-09-02'])
  },
)

t.test('a part of a day, as in Open mHealth, belongs to its date', async t => {
  const weight = (value: number, part_of_day: string) => ({
    ...upload(
      point(
        'omh:body-weight:2.0',
        {
          body_weight: { value, unit: 'kg' },
          effective_time_frame: { time_interval: { date: '2026-06-05', part_of_day } },
        },
        { uuid: randomUUID() },
      ),
    ),
    id: `weight-${part_of_day}`,
    resourceType: 'Observation',
    device: undefined,
  })
  await put(weight(80, 'morning'), weight(82, 'evening'), weight(81, 'night'))
  for (const timezone of places) {
    const query = { start: '2026-06-01', end: '2026-06-30', timezone }
    const { entry } = await ask<{ entry: { resource: Summary }[] }>('daily-summary', query)
    t.same(
      entry.map(({ resource: { effectivePeriod, component } }) => [
        effectivePeriod.start,
        ...component.map(({ valueQuantity }) => valueQuantity.value),
      ]),
      [['2026-06-05', 3, 81, 80, 82]],
      timezone,
    )
  }
})

t.test('the first and the last days that FHIR can write are asked for like any others', async t => {
  const glucose = { code: '99504-3', unit: 'mg/dL' }
  const operations: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['daily-summary', {}],
    ['cgm-summary', {}],
    ['completeness', {}],
    ['glucose-profile', {}],
    ['series', glucose],
    ['series', { ...glucose, step: 'day' }],
  ]
  const periods = [
    { start: '0001-01-01', end: '0001-01-03' },
    { start: '0099-12-30', end: '0100-01-02' },
    { start: '9999-12-30', end: '9999-12-31' },
  ]
  await put(reading('99504-3', on('0026-03-02'), 100, 'mg/dL'))
  for (const [operation, query] of operations)
    for (const timezone of places) {
      for (const period of periods) await ask(operation, { ...query, ...period, timezone })
      const asked = { ...query, start: '0026-03-01', end: '0026-03-03', timezone }
      t.match(JSON.stringify(await ask(operation, asked)), /0026-03-0|"valueInteger":1\b/, `${operation} ${timezone}`)
    }
})

t.test('a period that ends with the last year lasts until then', async t => {
  const end = '9999-12-31T23:59:59.999Z'
  for (const last of ['9999', '9999-12', '9999-12-31', end]) {
    const { parameter } = await ask<{ parameter: Parameter[] }>('glucose-profile', { start: '2026-04-15', end: last })
    t.equal(parameter.find(({ name }) => name === 'count')?.valueInteger, 2, last)
    const query = { code: '29463-7', unit: 'kg', start: '2026-03-01', end: last }
    const { parameter: lines } = await ask<{ parameter: { resource?: object }[] }>('series', query)
    t.match(lines[0]?.resource, { effectivePeriod: { end } }, last)
  }
})
