import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { heartRate } from '../mhealth/upload.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())

type More = { readonly bearer?: string; readonly type?: string }

const ask = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object | string, more: More = {}) =>
  server.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${more.bearer ?? 'everything'}`,
      'content-type': more.type ?? 'application/json',
    },
    ...(payload === undefined ? {} : { payload }),
  })
await ask('PUT', '/fhir/Patient/ann', { resourceType: 'Patient', id: 'ann' })
const points = '/omh/v1/dataPoints'
let count = 0
const document = (header: object = {}) => {
  const { header: usual, body } = heartRate(60 + count)
  return { header: { ...usual, uuid: `5f2a9c1e-0000-4000-8000-${String(++count).padStart(12, '0')}`, ...header }, body }
}
const sheet = (type: string, text: string) => ({
  external_datasheets: [{ datasheet_type: type, datasheet_reference: text }],
})
const upload = (text: string) => ask('POST', `${points}?patient=ann`, text)
/** Nothing that could be a document. */
const natives = async (number: number) => {
  const resource = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/ann' },
    effectiveDateTime: '2026-04-01',
  }
  const entry = Array.from({ length: number }, () => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  await ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry }, { type: 'application/fhir+json' })
}

t.test('a number that is too large for any program is refused with its document', async t => {
  const answer = await upload(JSON.stringify(document()).replace(/"value":\d+/, '"value":1e400'))
  t.equal(answer.statusCode, 422)
  t.match(answer.json().issue, [
    {
      code: 'value',
      diagnostics: 'the document has a number that is too large',
      expression: ['Observation.valueAttachment'],
    },
  ])
})

t.test('a serial number with half a surrogate pair describes no device, and the measurement is taken', async t => {
  const half = JSON.stringify(document(sheet('serial', 'half'))).replace('half', '4\\ud800')
  t.equal((await upload(half)).statusCode, 201)
  t.equal((await ask('GET', '/fhir/Device?patient=ann&_summary=count')).json().total, 0)
})

t.test('a datasheet of a type that only JavaScript knows describes no device', async t => {
  t.equal((await upload(JSON.stringify(document(sheet('constructor', 'x'))))).statusCode, 201)
  t.equal((await ask('GET', '/fhir/Device?patient=ann&_summary=count')).json().total, 0)
})

t.test('no answer of /api/v1 is cached on the way, not even errors', async t => {
  for (const [url, status] of [
    ['patients/nobody', 404],
    ['nothing', 404],
    ['observations?x=1', 400],
    ['clients', 200],
  ] as const)
    t.match(await ask('GET', `/api/v1/${url}`), { statusCode: status, headers: { 'cache-control': 'no-store' } }, url)
  t.equal((await server.inject('/api/v1/patients')).headers['cache-control'], 'no-store')
})

t.test('using another contract with an expired token is recorded as at /fhir', async t => {
  for (const [url, recorded] of [
    ['/api/v1/patients/ann/consents', { interaction: 'read', type: 'Consent' }],
    [points, { interaction: 'search-type', type: 'Observation' }],
    ['/FHIR/R5/Observation?patient=ann', { interaction: 'search-type', type: 'Observation' }],
  ] as const) {
    const bearer = await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.rs', ttlSeconds: -1 })
    const { statusCode, headers } = await ask('GET', url, undefined, { bearer })
    t.equal(statusCode, 401)
    t.same(
      await database.any(sql.fragment`
        SELECT interaction, type, patient, outcome FROM audit_record WHERE request = ${String(headers['x-request-id'])}`),
      [{ ...recorded, patient: 'ann', outcome: 401 }],
      url,
    )
  }
})

t.test('Observations without a document are skipped, and those with one are not', async t => {
  await natives(40)
  const readings = '/FHIR/R5/Observation?patient=ann&_sort=_lastUpdated&_count=1'
  await upload(JSON.stringify(document()))
  const first = await ask('GET', readings)
  const second = await ask(
    'GET',
    String(first.json().link.find((one: { relation: string }) => one.relation === 'next').url),
  )
  for (const { body } of [first, second]) t.match(JSON.parse(body).entry, [{ resource: { valueAttachment: {} } }])
  t.not(first.json().entry[0].resource.id, second.json().entry[0].resource.id)
  const last = await ask('GET', '/FHIR/R5/Observation?patient=ann&_sort=-_lastUpdated&code=unknown&_count=1')
  t.same(last.json().entry, [])
})

t.test('a list continues behind what was skipped, and has each data point once', async t => {
  await natives(30)
  const sent = await Promise.all([1, 2, 3].map(() => upload(JSON.stringify(document()))))
  t.same(
    sent.map(({ statusCode }) => statusCode),
    [201, 201, 201],
  )
  const listed: string[] = []
  for (let url: string | undefined = `${points}?patient=ann&limit=1`; url !== undefined; ) {
    const answer = await ask('GET', url)
    listed.push(...answer.json().map((one: ReturnType<typeof document>) => one.header.uuid))
    url = /<http:\/\/localhost:8080(.*)>; rel="next"/.exec(String(answer.headers.link))?.[1]
  }
  const all = (await ask('GET', `${points}?patient=ann`)).json()
  t.same(
    listed,
    all.map((one: ReturnType<typeof document>) => one.header.uuid),
  )
})

t.test('a chain of entries that is longer than anything a sensor sends is refused after its twentieth', async t => {
  const entry = Array.from({ length: 22 }, (_, number) => ({
    fullUrl: `urn:uuid:5f2a9c1e-0000-4000-8000-${String(number).padStart(12, '0')}`,
    resource: {
      resourceType: 'Device',
      ...(number === 0
        ? {}
        : { parent: { reference: `urn:uuid:5f2a9c1e-0000-4000-8000-${String(number - 1).padStart(12, '0')}` } }),
    },
    request: { method: 'POST', url: 'Device' },
  }))
  const answer = await ask(
    'POST',
    '/fhir/$submit-cgm-bundle',
    { resourceType: 'Bundle', type: 'transaction', entry },
    {
      type: 'application/fhir+json',
    },
  )
  const statuses = answer.json().entry.map((one: { response: { status: string } }) => one.response.status.slice(0, 3))
  t.same(statuses, [...Array.from({ length: 20 }, () => '201'), '422', '422'])
})

t.test('an entry that is nested deeper than any resource is refused, by whichever way it comes', async t => {
  const deep = `{"resourceType":"Device","note":[${'{"extension":['.repeat(4000)}{}${']}'.repeat(4000)}]}`
  const bundle = `{"resourceType":"Bundle","type":"transaction","entry":[{"resource":${deep},"request":{"method":"POST","url":"Device"}}]}`
  for (const url of ['/fhir', '/fhir/$submit-cgm-bundle', '/FHIR/R5']) {
    const answer = await ask('POST', url, bundle, { type: 'application/fhir+json' })
    t.match([answer.statusCode, answer.json().issue], [400, [{ code: 'structure', diagnostics: /nested/ }]], url)
  }
})
