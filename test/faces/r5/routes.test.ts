import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())
const all = { authorization: 'Bearer everything' }
const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object, headers: object = {}) =>
  server.inject({ method, url, headers: { ...all, ...headers }, ...(payload === undefined ? {} : { payload }) })

for (const id of ['ann', 'bob']) await ask('PUT', `/fhir/Patient/${id}`, { resourceType: 'Patient', id })
const heartRate = (id: string, subject = 'ann') => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate:2.0' }] },
  subject: { reference: `Patient/${subject}` },
  valueAttachment: {
    contentType: 'application/json',
    data: Buffer.from(
      JSON.stringify({
        header: {
          uuid: id,
          schema_id: { namespace: 'omh', name: 'heart-rate', version: '2.0' },
          source_creation_date_time: '2026-01-01T08:00:00Z',
          modality: 'sensed',
        },
        body: {
          heart_rate: { value: 60 + Number(id.slice(-1)), unit: 'beats/min' },
          effective_time_frame: { date_time: '2026-01-01T08:00:00Z' },
        },
      }),
    ).toString('base64'),
  },
})
const first = '5f2a9c1e-0000-4000-8000-000000000001'
const created = await ask('POST', '/FHIR/R5/Observation', heartRate(first))
const { id } = created.json()

t.test('lower-case spelling finds the same', async t => {
  const [small, capital] = await Promise.all([
    ask('GET', `/fhir/r5/Observation/${id}`),
    ask('GET', `/FHIR/R5/Observation/${id}`),
  ])
  t.equal(small.statusCode, 200)
  t.same(small.json(), capital.json())
  t.equal((await server.inject({ method: 'GET', url: `/fhir/r5/Observation/${id}` })).statusCode, 401)
})

t.test('a percent-encoded path is the same path', async t => {
  const [encoded, plain] = await Promise.all([
    ask('GET', `/FHIR/%52%35/Ob%73ervation/${id.replace('-', '%2D')}/%5Fhistory/1`),
    ask('GET', `/FHIR/R5/Observation/${id}/_history/1`),
  ])
  t.equal(encoded.statusCode, 200)
  t.same(encoded.json(), plain.json())
  t.equal((await ask('GET', `/FHIR/R5/Observation/${id}/%5Fhistory`)).statusCode, 404, 'it serves nothing else')
})

t.test('a created resource is found where the answer says', async t => {
  t.equal(created.statusCode, 201)
  const { location = '' } = created.headers
  t.equal(location, `http://localhost:8080/FHIR/R5/Observation/${id}/_history/1`)
  t.same((await ask('GET', location.slice('http://localhost:8080'.length))).json(), created.json())
})

t.test('what is not served is refused with what is', async t => {
  const rows = [
    ['GET', '/FHIR/R5/Condition', 404, /Condition is not served as R5/],
    ['GET', '/FHIR/R5/Thing', 404, /Thing is not a resource type/],
    ['GET', '/FHIR/R5/Binary/1', 404, /Binary is not served as R5/],
    [
      'POST',
      '/FHIR/R5/Patient',
      405,
      /Patient has read, vread, search-type here, not create/,
      { resourceType: 'Patient' },
    ],
    ['POST', '/FHIR/R5/Binary', 404, /Binary is not served as R5/, { resourceType: 'Binary' }],
    ['DELETE', `/FHIR/R5/Observation/${id}`, 405, /answers GET, not DELETE/],
    ['PUT', `/FHIR/R5/Observation/${id}`, 405, /answers GET, not PUT/, heartRate(first)],
    ['GET', `/FHIR/R5/Observation/${id}/_history`, 404, /There is nothing at/],
    ['GET', '/FHIR/R5/Observation/$stats', 404, /There is nothing at/],
    ['GET', '/FHIR/R5', 405, /answers POST, not GET/],
    ['GET', '/FHIR/R5/Observation?constructor=1', 400, /"constructor" is no search parameter/],
    ['GET', '/FHIR/R5/Observation?_page=2', 400, /_page is 1 here, not "2": the link next/],
    [
      'POST',
      '/FHIR/R5/',
      400,
      /batch or transaction, not "collection"/,
      { resourceType: 'Bundle', type: 'collection' },
    ],
    ['POST', '/FHIR/R5/', 400, /batch or transaction, and there is none/, { resourceType: 'Bundle' }],
    ['POST', '/FHIR/R5/', 400, /one Observation is posted to Observation/, { resourceType: 'Observation' }],
  ] as const
  for (const [method, url, status, words, payload] of rows) {
    const answer = await ask(method, url, payload)
    t.match([answer.statusCode, answer.json().issue?.[0].diagnostics], [status, words], `${method} ${url}`)
  }
})

t.test('the first page can be requested by its number, and of the store that clients call their own', async t => {
  const { statusCode, body } = await ask(
    'GET',
    '/FHIR/R5/Observation?_page=1&_source=https%3A%2F%2Fjupyterhealth.org%2Fjhe',
  )
  t.same([statusCode, body], [200, (await ask('GET', '/FHIR/R5/Observation')).body])
  const later = await ask('GET', '/FHIR/R5/Observation?_page=2', undefined, { prefer: 'handling=lenient' })
  t.equal(later.statusCode, 200)
})

t.test('the answer is JSON of this version, and nothing else', async t => {
  const rows = [
    ['', 200],
    ['*/*', 200],
    ['application/json', 200],
    ['application/fhir+json; fhirVersion=5.0', 200],
    ['application/fhir+json; fhirVersion=4.0', 406],
    ['application/fhir+xml', 406],
    ['application/fhir+ndjson', 406],
    ['application/fhir+xml, application/fhir+json', 200],
    ['application/fhir+ndjson, application/fhir+json;q=0.5', 200],
    ['text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', 200],
    ['application/fhir+xml, */*, application/fhir+json;q=0, application/json;q=0', 406],
  ] as const
  for (const [accept, status] of rows) {
    const answer = await ask('GET', '/FHIR/R5/Patient', undefined, { accept })
    t.match([answer.statusCode, answer.headers['content-type']], [status, /^application\/fhir\+json/], accept)
  }
  t.equal((await ask('GET', '/FHIR/R5/Patient?_format=xml')).statusCode, 406)
})

t.test('entry, link and total are present however little was found', async t => {
  const bundle = { resourceType: 'Bundle', type: 'searchset' }
  const link = [{ relation: 'self' }]
  const none = (await ask('GET', '/FHIR/R5/Observation?code=nothing')).json()
  t.match(none, { ...bundle, total: 0, entry: [], link })
  t.match((await ask('GET', '/FHIR/R5/Patient?_summary=count')).json(), { ...bundle, total: 2, entry: [], link })
  const sent = { resourceType: 'Bundle', type: 'batch' }
  t.same((await ask('POST', '/FHIR/R5/', sent)).json(), {
    resourceType: 'Bundle',
    type: 'batch-response',
    link: [],
    entry: [],
  })
})

t.test('an entry of a batch can do no more than a request', async t => {
  const entry = [
    { resource: heartRate(first), request: { method: 'POST', url: 'Observation' } },
    { resource: { resourceType: 'Patient' }, request: { method: 'POST', url: 'Patient' } },
    { request: { method: 'DELETE', url: `Observation/${id}` } },
    { request: { method: 'GET', url: `Observation/${id}` } },
    { request: { method: 'GET', url: 'Observation?code=omh:heart-rate' } },
    { request: { method: 'GET', url: 'Condition' } },
  ]
  for (const type of ['batch', 'transaction']) {
    const answer = await ask('POST', '/FHIR/R5', { resourceType: 'Bundle', type, entry })
    if (type === 'transaction') {
      t.equal(answer.statusCode, 405, 'it makes a transaction fail')
      continue
    }
    const { entry: answers } = answer.json()
    t.same(
      answers.map((one: { response: { status: string } }) => one.response.status.slice(0, 3)),
      ['200', '405', '405', '200', '200', '404'],
    )
    t.same(answers[0].resource, { resourceType: 'Observation', id })
    t.ok(answers[3].resource.valueAttachment)
    t.ok(answers[4].resource.entry[0].resource.valueAttachment)
  }
})

t.test('links lead to pages of this face, and references stay as they are', async t => {
  await ask('POST', '/FHIR/R5/Observation', heartRate('5f2a9c1e-0000-4000-8000-000000000002'))
  const { link, entry } = (await ask('GET', '/FHIR/R5/Observation?_count=1')).json()
  const next: string = link.find((one: { relation: string }) => one.relation === 'next').url
  t.match(next, /^http:\/\/localhost:8080\/FHIR\/R5\/Observation\?_cursor=/)
  t.match(entry[0], {
    fullUrl: /^http:\/\/localhost:8080\/FHIR\/R5\/Observation\/[^/]+$/,
    resource: { subject: { reference: 'Patient/ann' } },
  })
  t.equal((await ask('GET', next.slice('http://localhost:8080'.length))).json().entry.length, 1)
})

t.test(
  'a search finds what has a document, across pages without any; one that names the elements it wants finds all',
  async t => {
    const code = { coding: [{ system: 'http://loinc.org', code: '8867-4' }] }
    for (const effectiveDateTime of ['2026-02-01', '2026-02-02', '2026-02-03']) {
      const subject = { reference: 'Patient/ann' }
      const measured = { effectiveDateTime, valueQuantity: { value: 61 } }
      await ask('POST', '/fhir/Observation', {
        resourceType: 'Observation',
        status: 'final',
        code,
        subject,
        ...measured,
      })
    }
    const pagesOf = async (query: string): Promise<readonly (readonly boolean[])[]> => {
      const found: boolean[][] = []
      for (let url: string | undefined = `/FHIR/R5/Observation?${query}`; url !== undefined; ) {
        const { entry, link }: Page = (await ask('GET', url)).json()
        found.push(entry.map(({ resource }) => resource.valueAttachment !== undefined))
        url = link.find(({ relation }) => relation === 'next')?.url.slice('http://localhost:8080'.length)
      }
      return found
    }
    t.same(await pagesOf('code=omh:heart-rate&_count=2'), [[true], [true]])
    t.same(await pagesOf('code=omh:heart-rate&_count=2&_summary=false'), [[false, false], [false, true], [true]])
  },
)

t.test('older clients find a study’s Observations, and single resources, page by page', async t => {
  await ask('PUT', '/fhir/Group/g', {
    resourceType: 'Group',
    id: 'g',
    type: 'person',
    actual: true,
    member: [{ entity: { reference: 'Patient/ann' } }],
  })
  await ask('POST', '/fhir/r5/Observation', heartRate('5f2a9c1e-0000-4000-8000-000000000003'))
  await ask('POST', '/fhir/r5/Observation', heartRate('5f2a9c1e-0000-4000-8000-000000000004', 'bob'))
  const found = []
  for (let url: string | undefined = '/fhir/r5/Observation?_has:Group:member:_id=g&_count=1'; url !== undefined; ) {
    const { entry, link }: Page = (await ask('GET', url)).json()
    found.push(...entry.map(one => [Object.keys(one), one.resource.subject?.reference]))
    url = link.find(({ relation }) => relation === 'next')?.url.slice('http://localhost:8080'.length)
    t.match(url ?? '/fhir/r5/', /^\/fhir\/r5\//)
  }
  t.same(found, Array(3).fill([['resource'], 'Patient/ann']))
  await ask('DELETE', '/fhir/Group/g')
})

t.test('without a token only public information is answered', async t => {
  const open = ['/FHIR/R5/metadata', '/FHIR/R5/.well-known/smart-configuration']
  for (const url of open.flatMap(path => [path, `${path}/`])) {
    const { statusCode, headers } = await server.inject({ url, headers: { origin: 'https://app.example.org' } })
    t.match([statusCode, headers['access-control-allow-origin']], [200, '*'], url)
  }
  t.equal((await server.inject({ url: '/FHIR/R5/Patient' })).statusCode, 401)
  t.equal((await server.inject({ method: 'POST', url: '/FHIR/R5/', payload: {} })).statusCode, 401)
})

t.test('reads and refusals are recorded as at /fhir', async t => {
  const ann = await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/Observation.rs' })
  const recordedAt = async (base: string) => {
    const { last } = await database.one<{ last: string }>(
      sql.fragment`SELECT coalesce(max(id), 0)::text AS last FROM audit_record`,
    )
    for (const path of [`Observation/${id}`, 'Observation?code=omh:heart-rate&_total=none', 'Patient/b%6Fb', 'Patient'])
      await server.inject({ url: `${base}/${path}`, headers: { authorization: `Bearer ${ann}` } })
    return database.any(sql.fragment`
      SELECT interaction, type, resource, client, patient, outcome, query, operation, patients, kinds
      FROM audit_record WHERE id > ${last}::bigint ORDER BY id`)
  }
  const recorded = await recordedAt('/FHIR/R5')
  t.same(recorded, await recordedAt('/fhir'))
  t.has(recorded, [
    { interaction: 'read', outcome: 200 },
    { interaction: 'search-type' },
    { outcome: 403 },
    { outcome: 403 },
  ])
})

type Page = {
  readonly entry: readonly {
    readonly resource: { readonly subject?: { reference: string }; readonly valueAttachment?: object }
  }[]
  readonly link: readonly { readonly relation: string; readonly url: string }[]
}
