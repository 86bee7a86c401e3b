import { randomUUID } from 'node:crypto'
import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { point, upload } from '../mhealth/upload.ts'
import { migrateAgain } from '../support/migrate-again.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, url, put } = await openSearching()
t.teardown(() => server.close())
const answerOf = async (operation: string, query: Record<string, string>) => {
  const url = `/fhir/Observation/$${operation}?${new URLSearchParams({ subject: 'Patient/ann', ...query })}`
  const answer = await server.inject({ url, headers: { authorization: 'Bearer everything' } })
  t.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}
let made = 0
const store = (schema: string, body: object) => {
  made += 1
  return put({
    ...upload(point(schema, body, { uuid: randomUUID() })),
    id: `observation-${made}`,
    resourceType: 'Observation',
    device: undefined,
  } as { resourceType: string; id: string })
}
const glucose = (value: number, from: string, to?: string, descriptive_statistic?: string) =>
  store('omh:blood-glucose:4.0', {
    blood_glucose: { value, unit: 'mg/dL' },
    specimen_source: 'interstitial fluid',
    ...timeOf(from, to),
    descriptive_statistic,
  })
const heartRate = (value: number, from: string, to?: string, descriptive_statistic?: string) =>
  store('omh:heart-rate:2.0', { heart_rate: { value, unit: 'beats/min' }, ...timeOf(from, to), descriptive_statistic })
const steps = (value: number, from: string, to: string, descriptive_statistic?: string) =>
  store('omh:step-count:3.0', { step_count: { value, unit: 'steps' }, ...timeOf(from, to), descriptive_statistic })
const timeOf = (from: string, to: string | undefined) => ({
  effective_time_frame:
    to === undefined ? { date_time: from } : { time_interval: { start_date_time: from, end_date_time: to } },
})
const day = ['2026-03-01T00:00:00Z', '2026-03-02T00:00:00Z'] as const

await put({ resourceType: 'Patient', id: 'ann' })
await glucose(100, '2026-03-01T08:00:00Z')
await glucose(110, '2026-03-01T09:00:00Z')
for (const [value, statistic] of [
  [30, 'standard deviation'],
  [52, 'minimum'],
  [260, 'maximum'],
  [105, 'median'],
  [900, 'variance'],
  [288, 'count'],
  [300, 'average'],
] as const)
  await glucose(value, ...day, statistic)
await heartRate(60, '2026-03-01T08:00:00Z')
await heartRate(90, '2026-03-01T08:00:00Z', '2026-03-01T09:00:00Z', 'average')
await heartRate(190, ...day, 'maximum')
await steps(1000, '2026-03-01T08:00:00Z', '2026-03-01T09:00:00Z')
await steps(500, '2026-03-01T10:00:00Z', '2026-03-01T11:00:00Z', 'sum')
await steps(8000, '2026-03-01T00:00:00Z', '2026-03-08T00:00:00Z', 'average')
await store('omh:heart-rate:2.0', [
  {
    heart_rate: { value: 180, unit: 'beats/min' },
    ...timeOf('2026-03-01T12:00:00Z', undefined),
    descriptive_statistic: 'maximum',
  },
  {
    heart_rate: { value: 181, unit: 'beats/min' },
    ...timeOf('2026-03-01T12:00:05Z', undefined),
    descriptive_statistic: 'maximum',
  },
])

type Parameter = {
  name: string
  valueInteger?: number
  valueQuantity?: { value: number }
  resource?: Found
  part?: Parameter[]
}
type Found = {
  id?: string
  code: Concept
  component?: { code: Concept; valueQuantity?: { value: number }; valueSampledData?: { data: string } }[]
}
type Concept = { coding: { code: string }[] }
const figuresOf = ({ component = [] }: Found) =>
  Object.fromEntries(
    component.map(({ code, valueQuantity, valueSampledData }) => [
      code.coding[0]?.code,
      valueQuantity?.value ?? valueSampledData?.data,
    ]),
  )
const within = { start: '2026-03-01', end: '2026-03-01' }

t.test('statistics are not part of the glucose profile, not even averages', async t => {
  const { parameter }: { parameter: Parameter[] } = await answerOf('glucose-profile', within)
  const figureOf = (name: string) =>
    parameter.find(one => one.name === name)?.valueInteger ?? quantityOf(parameter, name)
  t.strictSame([figureOf('count'), figureOf('left-out'), figureOf('mean')], [2, 0, 105])
  t.strictSame(
    parameter
      .filter(({ name }) => name === 'range')
      .map(({ part = [] }) => part.find(({ name }) => name === 'count')?.valueInteger),
    [0, 0, 2, 0, 0],
  )
  const { entry }: { entry: { resource: { derivedFrom: { display: string }[] } }[] } = await answerOf(
    'cgm-summary',
    within,
  )
  t.strictSame(new Set(entry.map(({ resource }) => resource.derivedFrom[0]?.display)), new Set(['2 readings']))
})

const quantityOf = (parameters: Parameter[], name: string) =>
  parameters.find(one => one.name === name)?.valueQuantity?.value

t.test(
  'an average is drawn as what was measured over its time, but is in no sum; other statistics are nowhere',
  async t => {
    const series = async (code: string, unit: string) => {
      const { parameter }: { parameter: Parameter[] } = await answerOf('series', { ...within, code, unit, step: 'day' })
      return parameter.map(({ resource, valueInteger }) => (resource ? figuresOf(resource) : valueInteger))
    }
    const figures = (count: string, minimum: string, average: string, maximum: string, sum: string) => ({
      ...{ count, minimum, average, maximum, sum },
    })
    t.strictSame(await series('omh:heart-rate', '/min'), [figures('2', '60', '75', '90', '60'), 0])
    t.strictSame(await series('omh:blood-glucose', 'mg/dL'), [figures('3', '100', '170', '300', '210'), 0])
    const ofSteps = await series('omh:step-count', '{steps}')
    t.match(ofSteps, [{ sum: '1500' }, 0])
  },
)

t.test('daily summaries leave the other statistics out', async t => {
  const code = 'omh:step-count,omh:heart-rate,omh:blood-glucose'
  const { entry }: { entry: { resource: Found }[] } = await answerOf('daily-summary', { ...within, code })
  t.strictSame(
    entry.map(({ resource }) => [resource.code.coding[0]?.code, figuresOf(resource)]),
    [
      ['omh:step-count', { count: 2, sum: 1500 }],
      ['omh:heart-rate', { count: 2, average: 75, minimum: 60, maximum: 90 }],
      ['omh:blood-glucose', { count: 3, average: 170, minimum: 100, maximum: 300 }],
    ],
  )
})

t.test('$stats counts what was measured, and so do its sources', async t => {
  const query = { code: 'omh:blood-glucose', statistic: 'total-count,minimum,maximum', include: 'true' }
  const { parameter }: { parameter: Parameter[] } = await answerOf('stats', query)
  const [statistics, ...sources] = parameter.flatMap(({ resource }) => resource ?? [])
  t.strictSame(statistics && figuresOf(statistics), { 'total-count': 2, minimum: 100, maximum: 110 })
  t.strictSame(
    sources.map(({ id }) => id),
    ['observation-2', 'observation-1'],
  )
})

t.test('a day counts what was measured and averages of it', async t => {
  const { parameter }: { parameter: Parameter[] } = await answerOf('completeness', within)
  const [first] = parameter.flatMap(({ resource }) => resource ?? [])
  t.strictSame(first && figuresOf(first), { count: '8' })
})

t.test('statistics that were stored before are recognized by their extension', async t => {
  const stored = () =>
    database.any<{ statistic: number }>(
      sql.fragment`SELECT pk, code_id, component, statistic FROM observation_code ORDER BY 1, 2, 3`,
    )
  const before = await stored()
  t.strictSame(new Set(before.map(({ statistic }) => statistic)), new Set([0, 1, 2]))
  const drops = 'ALTER TABLE observation_code DROP statistic, DROP also_code_id'
  await migrateAgain(url, ['-statistics-and-code-groups.sql'], drops)
  t.strictSame(await stored(), before)
})
