import { randomUUID } from 'node:crypto'
import t from 'tap'
import { point, upload } from '../mhealth/upload.ts'
import { openSearching } from '../support/searching.ts'

const { server, put } = await openSearching()
t.teardown(() => server.close())
let made = 0
const reading = (code: string, day: string, value: number, unit?: string) => ({
  resourceType: 'Observation',
  id: `reading-${++made}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }] },
  subject: { reference: 'Patient/ann' },
  effectiveDateTime: `2026-03-${day}T10:00:00Z`,
  valueQuantity: { value, ...(unit === undefined ? {} : { system: 'http://unitsofmeasure.org', code: unit }) },
})
await put({ resourceType: 'Patient', id: 'ann' })

type Summary = {
  effectivePeriod: { start: string }
  component: { code: { coding: [{ code: string }] }; valueQuantity: { value: number } }[]
}
type Outcome = { resourceType: 'OperationOutcome'; issue: { severity: string; diagnostics: string }[] }
const entriesOf = async (code: string, days = { start: '2026-03-01', end: '2026-03-31' }) => {
  const query = new URLSearchParams({ subject: 'Patient/ann', code, ...days })
  const answer = await server.inject({
    url: `/fhir/Observation/$daily-summary?${query}`,
    headers: { authorization: 'Bearer everything' },
  })
  t.equal(answer.statusCode, 200, answer.body)
  return answer.json<{ entry?: { resource: Summary | Outcome }[] }>().entry ?? []
}
/** The average or the sum of each day. */
const daysOf = async (code: string) =>
  Object.fromEntries(
    (await entriesOf(code)).flatMap(({ resource }) =>
      'issue' in resource
        ? []
        : [
            [
              resource.effectivePeriod.start.slice(-2),
              resource.component.find(({ code }) => code.coding[0].code !== 'count')?.valueQuantity.value,
            ],
          ],
    ),
  )

t.test('weight is what a scale measures, with clothes and without, and not what a person states', async t => {
  await put(
    reading('29463-7', '01', 80, 'kg'),
    reading('3141-9', '02', 176, '[lb_av]'),
    reading('8350-1', '03', 12, '[stone_av]'),
    reading('8351-9', '04', 79_500, 'g'),
    reading('3142-7', '05', 60, 'kg'),
  )
  t.same(await daysOf('omh:body-weight'), { '01': 80, '02': 79.83, '03': 76.2, '04': 79.5 })
})

t.test('temperature is that of any part of the body where it is measured', async t => {
  await put(reading('8310-5', '01', 98.6, '[degF]'), reading('8331-1', '02', 38.5, 'Cel'))
  t.same(await daysOf('omh:body-temperature'), { '01': 37, '02': 38.5 })
  t.equal((await entriesOf('omh:body-temperature,omh:body-temperature')).length, 2, 'each kind once')
})

t.test('means that a device reports in place of readings count for blood pressure, as for other values', async t => {
  const pressures = (high: number, low: number, date_time: string, more: object) => ({
    ...upload(
      point(
        'omh:blood-pressure:3.0',
        {
          systolic_blood_pressure: { value: high, unit: 'mmHg' },
          diastolic_blood_pressure: { value: low, unit: 'mmHg' },
          effective_time_frame: { date_time },
          ...more,
        },
        { uuid: randomUUID() },
      ),
    ),
    id: `reading-${++made}`,
    device: undefined,
    resourceType: 'Observation',
  })
  await put(
    pressures(150, 95, '2026-03-01T09:00:00Z', {}),
    pressures(130, 85, '2026-03-02T09:00:00Z', { descriptive_statistic: 'average' }),
    pressures(180, 110, '2026-03-03T09:00:00Z', { descriptive_statistic: 'maximum' }),
  )
  t.same(
    [await daysOf('8480-6'), await daysOf('8462-4')],
    [
      { '01': 150, '02': 130 },
      { '01': 95, '02': 85 },
    ],
  )
})

t.test('negative values, a saturation above 100 % and error numbers are in no figure', async t => {
  await put(
    reading('99504-3', '01', 5600, 'mg/dL'),
    reading('99504-3', '02', 9999, 'mg/dL'),
    reading('55423-8', '01', 1000, '{steps}'),
    reading('55423-8', '01', -500, '{steps}'),
    reading('55423-8', '02', -500, '{steps}'),
    reading('8867-4', '01', 60, '/min'),
    reading('8867-4', '01', -5, '/min'),
    reading('59408-5', '01', 0.97, '1'),
    reading('59408-5', '02', 96, '%'),
    reading('59408-5', '03', 95),
    reading('59408-5', '04', 0.94),
    reading('59408-5', '05', 101, '%'),
  )
  t.same(await daysOf('omh:step-count'), { '01': 1000 })
  t.same(await daysOf('99504-3'), { '01': 5600 })
  t.same(await daysOf('omh:heart-rate'), { '01': 60 })
  t.same(await daysOf('omh:oxygen-saturation'), { '01': 97, '02': 96, '04': 94 })
})

t.test('a heart rate at rest is summed up separately', async t => {
  await put(
    reading('40443-4', '21', 55, '/min'),
    reading('40443-4', '22', 57, '/min'),
    reading('8867-4', '22', 90, '/min'),
  )
  t.same(await daysOf('40443-4'), { '21': 55, '22': 57 })
  t.same(await daysOf('omh:heart-rate'), { '01': 60, '22': 90 })
})

t.test('how many readings are in no figure is reported, kind by kind', async t => {
  const days = { start: '2026-03-27', end: '2026-03-28' }
  const mistake = { ...reading('8867-4', '28', 900, '/min'), status: 'entered-in-error' }
  const left = async (code: string) => {
    const entries = await entriesOf(code, days)
    const outcomes = entries.flatMap(({ resource }) => ('issue' in resource ? [resource] : []))
    return [entries.length, outcomes.flatMap(({ issue }) => issue.map(one => [one.severity, one.diagnostics]))]
  }
  await put(
    reading('8867-4', '27', 60, '/min'),
    reading('8867-4', '27', 60, 'kg'),
    reading('8867-4', '28', -5, '/min'),
    mistake,
    reading('29463-7', '28', 80, 'cm'),
    reading('55423-8', '28', 80, '{steps}'),
  )
  const heart = '2 readings of omh:heart-rate without a number in /min, or with one that cannot be: in no figure'
  const weight = '1 reading of omh:body-weight without a number in kg, or with one that cannot be: in no figure'
  t.same(await left('omh:heart-rate,omh:body-weight,omh:step-count'), [
    3,
    [
      ['information', heart],
      ['information', weight],
    ],
  ])
  t.same(await left('omh:body-weight'), [1, [['information', weight]]], 'even if there is nothing else')
  t.same(await left('omh:step-count'), [1, []])
})

t.test(
  'a day has what was measured in it, of all kinds if none is named: how often, and the figures of its kind',
  async t => {
    await put(
      ...[200, 60, 90, 120, 50].map((value, index) =>
        reading('8867-4', ['10', '11', '11', '11', '12'][index] ?? '', value, '/min'),
      ),
      reading('55423-8', '11', 700, '{steps}'),
      reading('55423-8', '11', 300, '{steps}'),
    )
    const summed = async (more: Readonly<Record<string, string>>) => {
      const query = new URLSearchParams({ subject: 'Patient/ann', start: '2026-03-11', end: '2026-03-11', ...more })
      const url = `/fhir/Observation/$daily-summary?${query}`
      const { entry = [] } = (await server.inject({ url, headers: { authorization: 'Bearer everything' } })).json()
      return entry.map(({ resource }: { resource: Summary }) =>
        resource.component.map(({ code, valueQuantity }) => [code.coding[0].code, valueQuantity]),
      )
    }
    const quantity = (value: number, unit: string) => ({ value, unit, system: 'http://unitsofmeasure.org', code: unit })
    const steps = [
      ['count', { value: 2 }],
      ['sum', quantity(1000, '{steps}')],
    ]
    const rates = [
      ['count', { value: 3 }],
      ['average', quantity(90, '/min')],
      ['minimum', quantity(60, '/min')],
      ['maximum', quantity(120, '/min')],
    ]
    t.same(await summed({}), [steps, rates])
    t.same(await summed({ code: 'https://w3id.org/openmhealth|omh:heart-rate' }), [rates])
  },
)

t.test('as many days can be asked for as a leap year has, and no fewer than one', async t => {
  const asked = async (start: string, end: string) => {
    const query = new URLSearchParams({ subject: 'Patient/ann', code: 'omh:heart-rate', start, end })
    const url = `/fhir/Observation/$daily-summary?${query}`
    const { statusCode, body } = await server.inject({ url, headers: { authorization: 'Bearer everything' } })
    return [statusCode, body]
  }
  t.match(await asked('2024-01-01', '2024-12-31'), [200])
  t.match(await asked('2024-01-01', '2025-01-01'), [400, /At most 366 days, not 367/])
  t.match(await asked('2026-03-11', '2026-03-11'), [200])
  t.match(await asked('2026-03-11', '2026-03-10'), [400, /end lies before start/])
})

t.test('the figures of a day that is not over are preliminary, and final afterwards', async t => {
  const now = new Date()
  const today = now.toISOString().slice(0, 10)
  const before = new Date(now.getTime() - 86_400_000).toISOString().slice(0, 10)
  const on = (day: string) => ({ ...reading('59408-5', '01', 97, '%'), effectiveDateTime: `${day}T00:00:00Z` })
  await put(on(before), on(today))
  const entries = await entriesOf('omh:oxygen-saturation', { start: before, end: today })
  t.match(
    entries.map(({ resource }) => resource),
    [
      { status: 'final', effectivePeriod: { start: before } },
      { status: 'preliminary', effectivePeriod: { start: today } },
    ],
  )
})
