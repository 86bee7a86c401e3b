import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { issueToken } from '../../src/storage/authorization/token.ts'
import * as w from '../storage/model/world.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, put } = await openSearching()
t.teardown(() => server.close())
const ask = (query: Record<string, string>, bearer = 'everything') =>
  server.inject({
    url: `/fhir/Observation/$completeness?${new URLSearchParams(query)}`,
    headers: { authorization: `Bearer ${bearer}` },
  })
let made = 0
const reading = (patient: string, effectiveDateTime: string) => ({
  resourceType: 'Observation',
  id: `reading-${++made}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime,
})
await put(
  { resourceType: 'Patient', id: 'ann' },
  { resourceType: 'Patient', id: 'bob' },
  { resourceType: 'Patient', id: 'eve' },
  reading('ann', '2026-03-28T22:30:00Z'),
  reading('ann', '2026-03-28T23:30:00Z'),
  reading('ann', '2026-03-29T21:30:00Z'),
  reading('ann', '2026-03-31T00:30:00Z'),
  reading('bob', '2026-03-30T12:00:00Z'),
  { resourceType: 'Patient', id: 'rui' },
  reading('rui', '2026-10-24T23:30:00Z'),
  reading('rui', '2026-10-25T00:30:00Z'),
  reading('rui', '2026-10-25T01:30:00Z'),
  reading('rui', '2026-10-26T00:30:00Z'),
  reading('rui', '2026-10-26T01:30:00Z'),
)

type Answer = {
  parameter?: { resource: { subject: { reference: string }; component: { valueSampledData: { data: string } }[] } }[]
}
const countsOf = async (query: Record<string, string>, bearer?: string) => {
  const answer = await ask(query, bearer)
  t.equal(answer.statusCode, 200, answer.body)
  const { parameter = [] } = answer.json<Answer>()
  return Object.fromEntries(
    parameter.map(({ resource }) => [resource.subject.reference, resource.component[0]?.valueSampledData.data]),
  )
}
const asked = { subject: 'Patient/ann,bob,eve,nobody', start: '2026-03-28', end: '2026-03-31' }

t.test('$completeness counts the readings of each patient on each day', async t => {
  t.same(await countsOf(asked), { 'Patient/ann': '2 1 E 1', 'Patient/bob': 'E E 1 E' })
  const [first] = (await ask(asked)).json<Answer>().parameter ?? []
  t.same(first, {
    name: 'completeness',
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code: 'count' }] },
      subject: { reference: 'Patient/ann' },
      effectivePeriod: { start: '2026-03-28', end: '2026-03-31' },
      component: [
        {
          code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code: 'count' }] },
          valueSampledData: {
            origin: { value: 0, unit: '1', system: 'http://unitsofmeasure.org', code: '1' },
            period: 86_400_000,
            dimensions: 1,
            data: '2 1 E 1',
          },
        },
      ],
    },
  })
})

t.test('days are those of the time zone, even if one of them has 23 hours', async t => {
  t.same(await countsOf({ ...asked, subject: 'ann', timezone: 'Europe/Berlin' }), { 'Patient/ann': '1 2 E 1' })
})

t.test('a day on which the clock strikes midnight twice begins at the first', async t => {
  const azores = { subject: 'rui', start: '2026-10-24', end: '2026-10-26', timezone: 'Atlantic/Azores' }
  t.same(await countsOf(azores), { 'Patient/rui': '1 3 1' })
})

t.test('a reading at midnight is of the day that begins, and of no other', async t => {
  await put({ resourceType: 'Patient', id: 'uma' }, reading('uma', '2026-06-09T22:00:00Z'))
  const days = { subject: 'uma', start: '2026-06-09', end: '2026-06-10' }
  t.same(await countsOf({ ...days, timezone: 'Europe/Berlin' }), { 'Patient/uma': 'E 1' })
  t.same(await countsOf(days), { 'Patient/uma': '1 E' })
  t.same(await countsOf({ ...days, end: '2026-06-09', timezone: 'Europe/Berlin' }), {})
})

t.test('no day counts beyond the period that was asked for', async t => {
  t.same(await countsOf({ ...asked, subject: 'ann', most: '1' }), { 'Patient/ann': '1 1 E 1' })
})

t.test('readings that were entered in error or cancelled do not count', async t => {
  const day = '2026-06-01'
  const said = (id: string, status: string, more: object = {}) => ({
    ...reading('dan', `${day}T12:00:00Z`),
    ...more,
    ...{ id, status },
  })
  const samples = { valueSampledData: { origin, dimensions: 1, period: 1000, data: '60 61' } }
  const count = () => countsOf({ subject: 'dan', start: day, end: day })
  await put(
    { resourceType: 'Patient', id: 'dan' },
    said('one', 'final'),
    said('another', 'cancelled'),
    said('corrected', 'amended'),
    said('samples', 'final', samples),
  )
  t.same(await count(), { 'Patient/dan': '4' })
  await put(said('one', 'entered-in-error'))
  t.same(await count(), { 'Patient/dan': '3' })
  await put(said('samples', 'entered-in-error', samples))
  t.same(await count(), { 'Patient/dan': '1' })
})

t.test('an Observation that only says why there is no value does not count', async t => {
  const because = (code: string, text?: string) => ({ dataAbsentReason: { coding: [{ code }], ...(text && { text }) } })
  const said = (id: string, more: object) => ({ ...reading('fay', '2026-06-03T12:00:00Z'), ...more, id })
  const part = (value: object) => ({ code: { text: 'part' }, ...value })
  const count = () => countsOf({ subject: 'fay', start: '2026-06-03', end: '2026-06-03' })
  await put(
    { resourceType: 'Patient', id: 'fay' },
    said('not-worn', because('not-performed')),
    said('failed', { ...because('error'), component: [part(because('error'))] }),
  )
  t.same(await count(), {})
  await put(
    said('part-of-it', {
      ...because('unknown'),
      component: [part(because('error')), part({ valueQuantity: { value: 1 } })],
    }),
  )
  t.same(await count(), { 'Patient/fay': '1' })
  await put(said('too-high', because('positive-infinity')))
  t.same(await count(), { 'Patient/fay': '2' }, 'it was measured')
  await put(said('not-worn', { valueQuantity: { value: 60 } }))
  t.same(await count(), { 'Patient/fay': '3' }, 'what is corrected counts as it is now')
})

t.test('a study that shares nothing with the caller has no days', async t => {
  t.same(await countsOf({ ...asked, study: 'ResearchStudy/x' }), {})
})

t.test('a backend client counts what one study of its organization was given', async t => {
  const kind = 'omh:heart-rate'
  const given = [
    w.organization('lab'),
    w.registered('zoe', 'lab'),
    ...['given', 'asking'].flatMap(study => [w.study(study, 'lab', [w.requests(kind)]), w.enrols(study, 'zoe')]),
    w.consent('given', 'zoe', 'active', [w.permit(kind)]),
    w.measured('zoe-pulse', 'zoe', kind),
  ]
  await put(...given.map(one => ({ id: '', ...one })))
  await registerClient(database, { id: 'of-lab', name: 'Of the lab', organization: 'lab', policies: [] })
  const bearer = await issueToken(database, {
    subject: { kind: 'client' },
    client: 'of-lab',
    scope: 'system/Observation.rs',
    ttlSeconds: 3600,
  })
  const onTheDay = { subject: 'Patient/zoe', start: '2026-03-01', end: '2026-03-01' }
  t.same(await countsOf({ ...onTheDay, study: 'given' }, bearer), { 'Patient/zoe': '1' })
  t.same(await countsOf({ ...onTheDay, study: 'asking' }, bearer), {})
})

const sampled = (id: string, start: string, said: object, components: readonly object[] = []) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/cid' },
  effectivePeriod: { start },
  ...(components.length === 0
    ? { valueSampledData: { origin, dimensions: 1, ...said } }
    : { component: components.map(code => ({ code, valueSampledData: { origin, dimensions: 1, ...said } })) }),
})
const origin = { value: 0, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' }
const offsets = (text: string) => ({
  extension: [{ url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets', valueString: text }],
})

t.test('each sample of a signal counts on the day of its moment, and a wave once', async t => {
  const count = async () =>
    countsOf({ subject: 'cid', start: '2026-05-01', end: '2026-05-04', timezone: 'Asia/Kathmandu' })
  await put({ resourceType: 'Patient', id: 'cid' }, reading('cid', '2026-05-01T12:00:00Z'))
  t.same(await count(), { 'Patient/cid': '1 E E E' })
  // Midnight there is at 18:15 UTC.
  await put(sampled('over-midnight', '2026-05-01T18:14:57Z', { period: 1000, data: '60 E L 61 62' }))
  t.same(await count(), { 'Patient/cid': '3 2 E E' })
  await put(
    sampled('own-moments', '2026-05-02T18:00:00Z', { period: 900, data: '60 61 62', ...offsets('0 812.5 86400000') }),
  )
  t.same(await count(), { 'Patient/cid': '3 4 1 E' })
  const two = [{ coding: [{ system: 'http://loinc.org', code: '8480-6' }] }, { text: 'diastolic' }]
  await put(sampled('pressures', '2026-05-03T00:00:00Z', { period: 60000, data: '120 121' }, two))
  t.same(await count(), { 'Patient/cid': '3 4 3 E' }, 'two values at one moment are one reading')
  await put(sampled('wave', '2026-05-03T20:00:00Z', { period: 4, data: '1 2 3 4' }))
  await put(sampled('nothing', '2026-05-03T20:00:00Z', { period: 1000, data: 'E E' }))
  await put(sampled('odd', '2026-05-03T20:00:00Z', { period: 1000, data: '1 2', ...offsets('soon later') }))
  t.same(await count(), { 'Patient/cid': '3 4 3 3' })
  await put(sampled('over-midnight', '2026-05-01T18:14:57Z', { period: 1000, data: 'E E E 61' }))
  t.same(await count(), { 'Patient/cid': '1 3 3 3' }, 'what is corrected counts as it is now')
  const capped = await countsOf({ subject: 'cid', start: '2026-05-02', end: '2026-05-03', most: '2' })
  t.same(capped, { 'Patient/cid': '2 2' })
  await server.inject({
    method: 'DELETE',
    url: '/fhir/Observation/own-moments',
    headers: { authorization: 'Bearer everything' },
  })
  t.same(await count(), { 'Patient/cid': '1 1 2 3' })
})

t.test('samples of a signal that began days before count on the days that are asked for', async t => {
  const signal = {
    ...sampled('long', '2026-07-10T00:00:00Z', { period: 3_600_000, data: Array(150).fill('60').join(' ') }),
    subject: { reference: 'Patient/xia' },
  }
  await put({ resourceType: 'Patient', id: 'xia' }, signal)
  t.same(await countsOf({ subject: 'xia', start: '2026-07-15', end: '2026-07-17' }), { 'Patient/xia': '24 6 E' })
})

t.test('samples count for whom they were measured of, if several patients are asked for', async t => {
  const of = (patient: string, id: string, data: string, hour: string) => ({
    ...sampled(id, `2026-07-01T${hour}:00:00Z`, { period: 1000, data }),
    subject: { reference: `Patient/${patient}` },
  })
  await put(
    { resourceType: 'Patient', id: 'viv' },
    { resourceType: 'Patient', id: 'wes' },
    of('viv', 'of-viv', '60 61 62', '10'),
    of('wes', 'of-wes', '60 61', '10'),
    reading('ann', '2026-07-01T10:00:00Z'),
  )
  t.same(await countsOf({ subject: 'ann,viv,wes,bob', start: '2026-07-01', end: '2026-07-01' }), {
    'Patient/ann': '1',
    'Patient/viv': '3',
    'Patient/wes': '2',
  })
})

t.test('a wrong request is refused with what would be accepted', async t => {
  for (const [wrong, said] of [
    [{ subject: '' }, /subject is one Patient/],
    [{ subject: 'Group/1' }, /subject is one Patient/],
    [{ subject: Array.from({ length: 51 }, () => 'ann').join() }, /At most 50 Patients, not 51/],
    [{ start: '2026-03' }, /start is required, and is a day such as 2026-03-31, not "2026-03"/],
    [{ end: '2026-03-01' }, /end lies before start/],
    [{ end: '2028-03-01' }, /At most 366 days, not/],
    [{ study: 'Group/1' }, /study is one ResearchStudy/],
    [{ most: '0' }, /most is a whole number from 1 to 1000/],
    [{ timezone: 'CET' }, /timezone is a name of the IANA's/],
    [{ code: '8867-4' }, /\$completeness has no parameter "code"; it has: subject, start/],
  ] as const) {
    const answer = await ask({ ...asked, ...wrong })
    t.equal(answer.statusCode, 400, JSON.stringify(wrong))
    t.match(answer.json().issue[0].diagnostics, said)
  }
})
