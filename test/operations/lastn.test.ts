import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { migrateAgain } from '../support/migrate-again.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, url, put } = await openSearching()
t.teardown(() => server.close())
const ask = (url: string, payload?: object) =>
  server.inject({
    method: payload === undefined ? 'GET' : 'POST',
    url: `/fhir/Observation/$lastn${url}`,
    headers: { authorization: 'Bearer everything' },
    ...(payload === undefined ? {} : { payload }),
  })
type Found = { readonly entry?: readonly { readonly resource: { readonly id: string } }[] }
const idsOf = (answer: Awaited<ReturnType<typeof ask>>) =>
  answer
    .json<Found>()
    .entry?.map(({ resource }) => resource.id)
    .join(' ') ?? ''

const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const observation = (id: string, patient: string, code: object, day: string | undefined, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code,
  subject: { reference: `Patient/${patient}` },
  ...(day === undefined ? {} : { effectiveDateTime: `2026-03-${day}` }),
  ...more,
})
const heartRate = loinc('8867-4')
const omhHeartRate = { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] }

await put(...['ann', 'bob', 'cat', 'dan', 'eve', 'fay', 'gil', 'hal'].map(id => ({ resourceType: 'Patient', id })))
await put(
  observation('heart-1', 'ann', heartRate, '01'),
  observation('heart-2', 'ann', heartRate, '02', { status: 'preliminary' }),
  observation('heart-3', 'ann', omhHeartRate, '03'),
  observation('heart-never', 'ann', heartRate, undefined),
  observation('weight-1', 'ann', loinc('29463-7'), '04'),
  observation('weight-2', 'ann', loinc('29463-7'), '05'),
  observation('uncoded-1', 'ann', { text: 'mood' }, '06'),
  observation('uncoded-2', 'ann', { text: 'mood' }, '07'),
  observation('of-bob', 'bob', heartRate, '08'),
)

t.test('$lastn answers the latest of each class of codes, newest first, in one searchset', async t => {
  const answer = await ask('?patient=Patient/ann')
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), {
    resourceType: 'Bundle',
    type: 'searchset',
    total: 3,
    link: [{ relation: 'self', url: /\/fhir\/Observation\/\$lastn\?patient=Patient%2Fann&max=1$/ }],
  })
  t.equal(idsOf(answer), 'uncoded-2 weight-2 heart-3')
})

t.test('max says how many of each', async t => {
  t.equal(idsOf(await ask('?subject=Patient/ann&max=2')), 'uncoded-2 uncoded-1 weight-2 weight-1 heart-3 heart-2')
  t.equal(
    idsOf(await ask('?patient=ann&max=100&code=http://loinc.org|8867-4')),
    'heart-3 heart-2 heart-1 heart-never',
    'a time that is not known comes last',
  )
})

t.test('other parameters select what is considered before the latest are taken', async t => {
  t.equal(idsOf(await ask('?patient=ann&date=lt2026-03-03')), 'heart-2')
  t.equal(idsOf(await ask('?patient=ann&status:not=final')), 'heart-2')
  t.equal(idsOf(await ask('?patient=ann,bob&code=omh:heart-rate')), 'of-bob heart-3', 'of each patient')
})

const codes = (...all: readonly string[]) => ({ coding: all.map(code => ({ system: 'http://ex.org/c', code })) })

t.test('codes without a coding are grouped by their text', async t => {
  await put(
    observation('mood-1', 'cat', { text: 'Mood' }, '01'),
    observation('mood-2', 'cat', { text: 'Mood' }, '02'),
    observation('pain-1', 'cat', { text: 'Pain' }, '02'),
    observation('pain-2', 'cat', { text: 'Pain', coding: [{ display: 'Pain' }] }, '01'),
    observation('unsaid', 'cat', { coding: [{ display: 'Sleep' }] }, '01'),
  )
  t.equal(idsOf(await ask('?patient=cat')), 'pain-1 mood-2 unsaid')
  t.equal(idsOf(await ask('?patient=cat&max=2')), 'pain-1 mood-2 unsaid pain-2 mood-1')
  t.equal(idsOf(await ask('?patient=cat&code:text=mood')), 'mood-2')
})

t.test('of several as old as the last one none is left out, if their age is known', async t => {
  await put(
    observation('tie-1', 'dan', codes('t'), '01'),
    observation('tie-2', 'dan', codes('t'), '02'),
    observation('tie-3', 'dan', codes('t'), '02'),
    observation('tie-4', 'dan', codes('t'), '03'),
    observation('never-1', 'dan', codes('n'), undefined),
    observation('never-2', 'dan', codes('n'), undefined),
  )
  t.equal(idsOf(await ask('?patient=dan')), 'tie-4 never-2')
  t.equal(idsOf(await ask('?patient=dan&max=2')), 'tie-4 tie-3 tie-2 never-2 never-1')
})

t.test('codes with a coding are grouped by that, whatever their text says', async t => {
  await put(
    observation('said-1', 'hal', { ...codes('s'), text: 'Mood in the morning' }, '01'),
    observation('said-2', 'hal', { ...codes('s'), text: 'Mood' }, '02'),
  )
  t.equal(idsOf(await ask('?patient=hal')), 'said-2')
})

t.test('Observations are grouped by their own code, not by those of their components', async t => {
  const component = [{ code: codes('part'), valueQuantity: { value: 1 } }]
  await put(
    observation('part', 'gil', codes('part'), '01'),
    observation('panel-1', 'gil', codes('panel'), '02', { component }),
    observation('panel-2', 'gil', codes('panel'), '03', { component }),
  )
  t.equal(idsOf(await ask('?patient=gil')), 'panel-2 part')
  t.equal(idsOf(await ask('?patient=gil&max=2')), 'panel-2 panel-1 part')
})

t.test('codes that some Observation has together are one group, among the matches', async t => {
  await put(
    observation('a', 'eve', codes('a'), '08'),
    observation('c', 'eve', codes('c'), '07'),
    observation('d', 'eve', codes('d'), '06'),
    observation('other', 'eve', codes('other'), '05'),
    observation('cd', 'eve', codes('d', 'c'), '02', { status: 'preliminary' }),
    observation('abc', 'eve', codes('c', 'b', 'a'), '01'),
  )
  t.equal(idsOf(await ask('?patient=eve')), 'a other')
  t.equal(idsOf(await ask('?patient=eve&max=3')), 'a c d other')
  t.equal(idsOf(await ask('?patient=eve&status=final')), 'a d other', 'only an excluded one says that d is c')
  t.equal(idsOf(await ask('?patient=eve&date=gt2026-03-05')), 'a c d')
})

t.test('what is only known to have ended is as old as its end', async t => {
  const ended = (id: string, end: string) =>
    observation(id, 'fay', codes('e'), undefined, { effectivePeriod: { end: `2026-03-${end}` } })
  await put(ended('ended-3', '03'), ended('ended-5', '05'), observation('began-4', 'fay', codes('e'), '04'))
  t.equal(idsOf(await ask('?patient=fay&max=3')), 'ended-5 began-4 ended-3')
  t.equal(idsOf(await ask('?patient=fay')), 'ended-5')
})

t.test('the parameters can be posted', async t => {
  const parameter = [
    { name: 'patient', valueString: 'Patient/ann' },
    { name: 'max', valuePositiveInt: 1 },
    { name: 'code', valueString: 'omh:heart-rate' },
  ]
  t.equal(idsOf(await ask('', { resourceType: 'Parameters', parameter })), 'heart-3')
})

t.test('a wrong request is refused with what would be accepted', async t => {
  for (const [url, said] of [
    ['', /needs patient or subject with the ids/],
    ['?code=8867-4', /needs patient or subject/],
    ['?patient.name=x', /needs patient or subject/],
    ['?patient=ann&max=0', /max is a whole number from 1 to 100/],
    ['?patient=ann&max=1&max=2', /"max" is given more than once/],
    ['?patient=ann&_count=2', /"_count" shapes an answer/],
    ['?patient=ann&nonsense=2', /"nonsense" is no search parameter of Observation/],
  ] as const) {
    const answer = await ask(url)
    t.equal(answer.statusCode, 400, url)
    t.match(answer.json().issue[0].diagnostics, said, url)
  }
})

t.test('which codes belong together is known for what was stored before, too', async t => {
  const stored = () =>
    database.any<{ also_code_id: number | null }>(
      sql.fragment`SELECT pk, code_id, component, also_code_id FROM observation_code ORDER BY 1, 2, 3`,
    )
  const before = await stored()
  t.equal(before.filter(({ also_code_id }) => also_code_id !== null).length, 3)
  const drops = 'ALTER TABLE observation_code DROP statistic, DROP also_code_id'
  await migrateAgain(url, ['-statistics-and-code-groups.sql'], drops)
  t.strictSame(await stored(), before)
})
