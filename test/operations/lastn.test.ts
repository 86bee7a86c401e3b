import t from 'tap'
import { openSearching } from '../support/searching.ts'

const { server, put } = await openSearching()
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

await put({ resourceType: 'Patient', id: 'ann' }, { resourceType: 'Patient', id: 'bob' })
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

t.test('other parameters decide what is looked at, before the latest are taken', async t => {
  t.equal(idsOf(await ask('?patient=ann&date=lt2026-03-03')), 'heart-2')
  t.equal(idsOf(await ask('?patient=ann&status:not=final')), 'heart-2')
  t.equal(idsOf(await ask('?patient=ann,bob&code=omh:heart-rate')), 'of-bob heart-3', 'of each patient')
})

t.test('the parameters may be posted', async t => {
  const parameter = [
    { name: 'patient', valueString: 'Patient/ann' },
    { name: 'max', valuePositiveInt: 1 },
    { name: 'code', valueString: 'omh:heart-rate' },
  ]
  t.equal(idsOf(await ask('', { resourceType: 'Parameters', parameter })), 'heart-3')
})

t.test('what is asked wrongly is refused, and says what would be accepted', async t => {
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
