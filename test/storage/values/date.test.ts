import fc from 'fast-check'
import t from 'tap'
import { fullAccess, restrict } from '../../../src/access/access.ts'
import { intervalOf } from '../../../src/fhir/date.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { compile } from '../../../src/storage/compile/compile.ts'
import { storedRow } from '../../../src/storage/row.ts'
import { sql } from '../../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put, found } = await openSearching()
t.teardown(() => server.close())

/** How the database reads them, and how they are written into its indexes and searched for. */
const read = (texts: readonly string[]) =>
  database.any<{ text: string; database: object | null; ours: object | null }>(sql.fragment`
    SELECT one.text, ${interval(sql.fragment`fhir_low(one.text)`, sql.fragment`fhir_high(one.text)`)} AS database,
      ${interval(sql.fragment`one.low`, sql.fragment`one.high`)} AS ours
    FROM jsonb_to_recordset(${JSON.stringify(texts.map(text => ({ text, ...intervalOf(text) })))}::jsonb)
      AS one(text text, low timestamptz, high timestamptz)`)
const interval = (low: ReturnType<typeof sql.fragment>, high: ReturnType<typeof sql.fragment>) =>
  sql.fragment`CASE WHEN ${low} IS NOT NULL THEN jsonb_build_object('low', ${low}, 'high', ${high}) END`

const number = (low: number, high: number, width = 2) =>
  fc.integer({ min: low, max: high }).map(one => String(one).padStart(width, '0'))
const fraction = fc.stringMatching(/^\d{1,9}$/).map(digits => `.${digits}`)
const dateText = fc
  .record({
    year: fc.oneof(number(1, 9999, 4), fc.constantFrom('2024', '2026')),
    month: number(1, 12),
    day: number(1, 31),
    hour: fc.oneof(number(0, 23), fc.constant('23')),
    minute: fc.oneof(number(0, 59), fc.constant('59')),
    second: fc.oneof(number(0, 60), fc.constantFrom('59', '60')),
    fraction: fc.oneof(fc.constant(''), fraction, fc.constantFrom('.9999999', '.999999', '.5')),
    zone: fc.constantFrom('Z', '', '+01:00', '-05:30', '+14:00'),
  })
  .chain(({ year, month, day, hour, minute, second, fraction, zone }) => {
    const time = `${year}-${month}-${day}T${hour}:${minute}`
    return fc.constantFrom(
      year,
      `${year}-${month}`,
      `${year}-${month}-${day}`,
      `${time}${zone}`,
      `${time}:${second}${fraction}${zone}`,
    )
  })

t.test('the database reads each date as its indexes do: leap seconds, any digits, any width', async t => {
  const texts = fc.sample(dateText, { numRuns: 20_000, seed: 20260331 })
  const edges = [
    '9999',
    '9999-12-31T23:59:60.9Z',
    '0001-01-01',
    '0001-01-01T00:30:00+14:00',
    '2026-02-30',
    '0000',
    'soon',
  ]
  const rows = await read([...texts, ...edges])
  t.equal(rows.length, texts.length + edges.length)
  t.same(
    rows.filter(row => JSON.stringify(row.database) !== JSON.stringify(row.ours)),
    [],
  )
})

t.test('the database reads a date the same in any time zone', async t => {
  const rows = await database.any<{ high: string }>(sql.fragment`
    WITH zone AS MATERIALIZED (SELECT set_config('TimeZone', 'America/New_York', TRUE) AS name)
    SELECT to_char(fhir_high(one.text || left(zone.name, 0)) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS high
    FROM zone, unnest(ARRAY['2026-02', '2024', '2026-03-08', '2026-03-08T01:00']) AS one(text)`)
  t.same(
    rows.map(({ high }) => high),
    ['2026-03-01 00:00', '2025-01-01 00:00', '2026-03-09 00:00', '2026-03-08 01:01'],
  )
})

const condition = (id: string, onsetDateTime: string) => ({
  resourceType: 'Condition',
  id,
  subject: { reference: 'Patient/ann' },
  onsetDateTime,
})
await put(
  condition('leap', '2016-12-31T23:59:60.5Z'),
  condition('whole-leap', '2016-12-31T23:59:60Z'),
  condition('seven-digits', '2026-03-31T23:59:59.9999999+00:00'),
  condition('tenth', '2026-04-01T12:00:00.5Z'),
)

t.test('a leap second is the first of the next minute, even with a fraction', async t => {
  t.equal(await found('Condition?onset-date=2017-01-01'), 'leap whole-leap')
  t.equal(await found('Condition?onset-date=2016-12-31T23:59:60.5Z'), 'leap')
  t.equal(await found('Condition?onset-date=lt2017'), '')
  t.equal(await found('Condition?_sort=onset-date&onset-date=ge2016'), 'leap seven-digits tenth whole-leap')
})

t.test('digits beyond microseconds do not make it a later day', async t => {
  t.equal(await found('Condition?onset-date=2026-03-31'), 'seven-digits')
  t.equal(await found('Condition?onset-date=2026-03'), 'seven-digits')
  t.equal(await found('Condition?onset-date=2026-03-31T23:59:59.9999999Z'), 'seven-digits')
  t.equal(await found('Condition?onset-date=ge2026-04'), 'tenth')
})

t.test('a fraction is as wide as its last digit', async t => {
  t.equal(await found('Condition?onset-date=2026-04-01T12:00:00.5Z'), 'tenth')
  t.equal(await found('Condition?onset-date=2026-04-01T12:00:00.500Z'), '')
  t.equal(await found('Condition?onset-date=gt2026-04-01T12:00:00.550Z'), 'tenth')
})

t.test('whatever was written within a second, after its first instant, is after that second', async t => {
  await put({ resourceType: 'Basic', id: 'written', code: { text: 'x' } } as never)
  await database.any(sql.fragment`UPDATE basic SET last_updated = '2026-03-01T04:09:43.015Z' RETURNING id`)
  for (const [asked, expected] of [
    ['gt2026-03-01T04:09:43Z', 'written'],
    ['gt2026-03-01T04:09:43.014Z', 'written'],
    ['gt2026-03-01T04:09:43.015Z', ''],
    ['gt2026-03-01T04:09:44Z', ''],
    ['gt2026-03-01T04:09Z', ''],
    ['ge2026-03-01T04:09:43.015Z', 'written'],
    ['ge2026-03-01T04:09:43.016Z', ''],
    ['lt2026-03-01T04:09:43Z', ''],
    ['le2026-03-01T04:09:43Z', 'written'],
    ['le2026-03-01T04:09:42Z', ''],
  ] as const)
    t.equal(await found(`Basic?_lastUpdated=${asked}`), expected, asked)
})

t.test('ge finds what ends in its range or later, le what begins in it or earlier', async t => {
  const visit = (id: string, start: string, end: string) => ({
    ...{ resourceType: 'Encounter', id, status: 'finished', class: { code: 'AMB' } },
    period: { start, end },
  })
  await put(visit('days', '2020-01-01T10:00:00Z', '2020-01-03T10:00:00Z'))
  for (const [asked, expected] of [
    ['ge2020-01-03', 'days'],
    ['ge2020-01-03T09:00Z', 'days'],
    ['ge2020-01-04', ''],
    ['gt2020-01-03', ''],
    ['gt2020-01-03T09:59:59Z', 'days'],
    ['gt2020-01-03T10:00:00Z', ''],
    ['le2020-01-01', 'days'],
    ['le2019-12-31', ''],
    ['lt2020-01-01', ''],
    ['ge2020-01&date=le2020-01', 'days'],
  ] as const)
    t.equal(await found(`Encounter?date=${asked}`), expected, asked)
})

t.test('a recent _lastUpdated is searched through its index', async t => {
  for (const asked of ['gt2040-01-01T00:00:00Z', 'gt2040-01-01', 'ge2040', 'sa2040-01-01', '2040-01-01']) {
    const { where } = parseSearch(loadRegistry(), 'Basic', new URLSearchParams({ _lastUpdated: asked }))
    const question = compile(restrict(fullAccess, 's', 'Basic', where), storedRow('Basic', 'row'), openCodeClasses())
    const steps = await database.transaction(async connection => {
      await connection.run(sql.fragment`SET LOCAL enable_seqscan = off`)
      return planOf(connection, sql.fragment`SELECT FROM basic AS row WHERE ${question}`, { analyze: true })
    })
    t.equal(rowsLookedAt(steps, 'basic'), 0, asked)
  }
})

t.test('what begins or ends just where a date does is found by what is after it, and before it', async t => {
  const born = { before: '2001-02-28', same: '2001-03-01', next: '2001-03-02' }
  await put(
    ...Object.entries(born).map(([id, birthDate]) => ({
      resourceType: 'Patient' as const,
      id: `border-${id}`,
      birthDate,
      deceasedDateTime: '2021-03-01T00:00:00.500Z',
    })),
  )
  const idsOf = async (query: string) => ((await found(query)).match(/border-\w+/g) ?? []).toSorted()
  const among = `_id=${Object.keys(born).map(id => `border-${id}`)}`
  for (const [prefix, ids] of Object.entries({
    sa: ['next'],
    gt: ['next'],
    ge: ['same', 'next'],
    eq: ['same'],
    le: ['before', 'same'],
    lt: ['before'],
    eb: ['before'],
  }))
    t.same(
      await idsOf(`Patient?birthdate=${prefix}2001-03-01&${among}`),
      ids.map(id => `border-${id}`).toSorted(),
      prefix,
    )
  t.equal(
    (await idsOf(`Patient?death-date=gt2021-03-01T00:00:00Z&${among}`)).length,
    3,
    'within that second, but after it',
  )
})
