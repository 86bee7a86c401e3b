import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { revokeToken } from '../../../src/storage/authorization/token.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { readSlowly } from '../../support/slow-reader.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())
const base = '/omh/v1/dataPoints'
const own = 'http://localhost:8080/omh/v1'

const ask = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD',
  url: string,
  payload?: string,
  more: object = {},
) =>
  server.inject({
    method,
    url,
    headers: { authorization: 'Bearer everything', ...(payload && { 'content-type': 'application/json' }), ...more },
    ...(payload === undefined ? {} : { payload }),
  })
for (const id of ['ann', 'bob']) {
  const headers = { authorization: 'Bearer everything' }
  await server.inject({ method: 'PUT', url: `/fhir/Patient/${id}`, headers, payload: { resourceType: 'Patient', id } })
}

const uuid = (number: number) => `5f2a9c1e-0000-4000-8000-00000000000${number}`
/** Spaces, line breaks, decimals and letters as somebody may write them. */
const document = (number: number, schema: string, body: string) => {
  const [namespace, name, version] = schema.split(':')
  return `{\n  "header": { "uuid": "${uuid(number)}", "schema_id": {"namespace":"${namespace}","name":"${name}","version":"${version}"},\r
    "source_creation_date_time": "2026-01-0${number}T08:00:00Z", "modality": "sensed", "place": "Café" },
  "body": { ${body}, "effective_time_frame": { "date_time": "2026-01-0${number}T08:00:00Z" } }\n}\n`
}
const rate = (value: string) => `"heart_rate": { "value": ${value}, "unit": "beats/min" }`
const documents = [
  document(1, 'omh:heart-rate:1.0', rate('61.50')),
  document(2, 'omh:heart-rate:2.0', rate('62.50')),
  document(3, 'omh:heart-rate:2.0', rate('63.50')),
  document(4, 'omh:body-weight:2.0', '"body_weight": { "value": 70.10, "unit": "kg" }'),
] as const
const created: { statusCode: number; body: string; location: string }[] = []
for (const one of documents) {
  const { statusCode, body, headers } = await ask('POST', `${base}?patient=ann`, one)
  created.push({ statusCode, body, location: String(headers.location) })
}
await ask(
  'POST',
  '/fhir/Observation',
  JSON.stringify({
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/ann' },
    valueQuantity: { value: 64 },
  }),
)

const oneLine = (text: string) => text.replaceAll(/[\r\n]/g, ' ')
const listed = (...numbers: readonly number[]) => `[${numbers.map(one => oneLine(documents[one - 1] ?? '')).join(',')}]`

t.test('a data point is created once, and read byte for byte by its own id and that of its Observation', async t => {
  t.same(
    created.map(({ statusCode, body }) => [statusCode, body]),
    documents.map(() => [201, '']),
  )
  const { location = '' } = created[1] ?? {}
  t.ok(location.startsWith(`${own}/dataPoints/`))
  for (const url of [`${base}/${uuid(2)}`, `${base}/${uuid(2).toUpperCase()}`, location.replace(own, '/omh/v1')]) {
    const answer = await ask('GET', url)
    t.match(
      [answer.statusCode, answer.headers['content-type'], answer.headers.etag, answer.body],
      [200, 'application/json; charset=utf-8', 'W/"1"', documents[1]],
      url,
    )
  }
  t.equal((await ask('HEAD', `${base}/${uuid(2)}`)).statusCode, 200)
  const again = await ask('POST', `${base}?patient=ann`, documents[1])
  t.same([again.statusCode, again.headers.location], [200, location])
})

t.test('a list has the documents of a schema, or all of them, newest first', async t => {
  const rows = [
    ['', [4, 3, 2, 1]],
    ['schema_namespace=omh&schema_name=heart-rate', [3, 2, 1]],
    ['schema_namespace=omh&schema_name=heart-rate&schema_version=2.0', [3, 2]],
    ['schema_namespace=omh&schema_name=heart-rate&schema_version=1.x', [1]],
    ['schema_namespace=omh&schema_name=heart-rate&schema_version=3.0', []],
    ['schema_namespace=omh&schema_name=body-weight&patient=ann', [4]],
    ['patient=bob', []],
    ['created_on_or_after=2020-01-01T00:00:00Z&created_before=2020-01-02T00:00:00.5+01:00', []],
    ['created_on_or_after=2020-01-01T00:00:00Z', [4, 3, 2, 1]],
    ['skip=1&limit=2', [3, 2]],
    ['skip=9', []],
  ] as const
  for (const [query, numbers] of rows) {
    const { statusCode, body } = await ask('GET', `${base}?${query}`)
    t.same([statusCode, body], [200, listed(...numbers)], query)
  }
})

t.test('what was created at the beginning of an interval is in it, and what was created at its end is not', async t => {
  const { meta } = (await ask('GET', `/fhir/Observation/${created[1]?.location.split('/').at(-1)}`)).json()
  const has = async (name: string) => {
    const listed: readonly { readonly header: { readonly uuid: string } }[] = (
      await ask('GET', `${base}?${new URLSearchParams({ [name]: meta.lastUpdated })}`)
    ).json()
    return listed.some(({ header }) => header.uuid === uuid(2))
  }
  t.strictSame([await has('created_on_or_after'), await has('created_before')], [true, false])
})

t.test('what a list leaves out is behind its link, and nothing else', async t => {
  const found: string[] = []
  let url: string | undefined = `${base}?schema_namespace=omh&schema_name=heart-rate&schema_version=2.0&limit=1`
  while (url !== undefined) {
    const { body, headers } = await ask('GET', url)
    found.push(body)
    const next: string | undefined = /^<([^>]+)>; rel="next"$/.exec(String(headers.link))?.[1]
    url = next?.replace(own, '/omh/v1')
  }
  t.same(found, [listed(3), listed(2)])
})

t.test('as lines all documents come, one per line', async t => {
  const rows = [
    ['', [4, 3, 2, 1]],
    ['?schema_namespace=omh&schema_name=heart-rate&schema_version=2.0', [3, 2]],
    ['?skip=1&limit=2', [3, 2]],
  ] as const
  for (const [query, numbers] of rows) {
    const { headers, body } = await ask('GET', `${base}${query}`, undefined, { accept: 'application/x-ndjson' })
    const lines = numbers.map(one => `${oneLine(documents[one - 1] ?? '')}\n`).join('')
    t.same([headers['content-type'], body], ['application/x-ndjson', lines], query)
  }
})

t.test('errors say what would be accepted', async t => {
  const rows = [
    ['GET', `${base}?schema=omh`, 400, /schema is no parameter here; accepted: schema_namespace/],
    [
      'GET',
      `${base}?created_before=2026-02-30T00:00:00Z`,
      400,
      /^created_before takes an instant that exists, with its zone, such as 2026-03-01T00:00:00Z$/,
    ],
    ['GET', `${base}?schema_name=heart-rate`, 400, /schema_namespace and schema_name stand together/],
    ['GET', `${base}?schema_namespace=omh&schema_name=a%7Cb`, 400, /schema_name takes/],
    ['GET', `${base}?created_before=yesterday`, 400, /created_before takes an instant/],
    ['GET', `${base}?limit=0`, 400, /limit is a number from 1 to 1000/],
    ['GET', `${base}?skip=10001`, 400, /skip is a number from 0 to 10000/],
    ['GET', `${base}?limit=1&limit=2`, 400, /limit is given once/],
    ['GET', `${base}/nothing`, 404, /Observation\/nothing/],
    ['GET', `${base}/no%00thing`, 404, /No data point no\0thing is known/],
    ['DELETE', `${base}/no%00thing?patient=ann`, 404, /No data point no\0thing is known/],
    ['GET', `${base}/${uuid(2)}?limit=1`, 400, /limit is no parameter here; accepted: patient/],
    ['POST', base, 400, /patient says whose data point it is/, documents[0]],
    ['POST', `${base}?patient=ann&patient=bob`, 400, /patient is given once/, documents[0]],
    ['DELETE', `${base}/${uuid(2)}?patient=ann&patient=bob`, 400, /patient is given once/],
    ['POST', `${base}?patient=ann`, 422, /not JSON/, '{'],
    ['POST', `${base}?patient=ann`, 422, /neither header.schema_id/, '{"heart_rate":{"value":60,"unit":"beats/min"}}'],
    ['POST', `${base}?patient=ann`, 422, /heart_rate/, document(9, 'omh:heart-rate:2.0', '"x": 1')],
    ['POST', `${base}?patient=ann`, 415, /send application\/json/, documents[0], { 'content-type': 'text/plain' }],
    ['GET', base, 406, /ask for application\/json or application\/x-ndjson/, undefined, { accept: 'application/xml' }],
  ] as const
  for (const [method, url, status, words, payload, headers] of rows) {
    const answer = await ask(method, url, payload, headers)
    t.match([answer.statusCode, answer.json().issue?.[0].diagnostics], [status, words], `${method} ${url}`)
  }
})

t.test('a client that prefers what is not served here gets the next that it accepts', async t => {
  const rows = [
    ['application/xml, application/json;q=0.1', /^application\/json/],
    ['text/html, application/xml;q=0.9, */*;q=0.8', /^application\/json/],
    ['application/xml, application/x-ndjson;q=0.1', /^application\/x-ndjson/],
  ] as const
  for (const [accept, type] of rows) {
    const answer = await ask('GET', base, undefined, { accept })
    t.match([answer.statusCode, answer.headers['content-type']], [200, type], accept)
  }
})

t.test('a method that a path does not support is refused with those that it does', async t => {
  const rows = [
    ['PUT', base, 'GET, HEAD, POST'],
    ['DELETE', base, 'GET, HEAD, POST'],
    ['PUT', `${base}/${uuid(2)}`, 'GET, HEAD, DELETE'],
    ['POST', `${base}/${uuid(2)}`, 'GET, HEAD, DELETE'],
    ['PATCH', `${base}/nothing`, 'GET, HEAD, DELETE'],
  ] as const
  for (const [method, url, allowed] of rows) {
    const { statusCode, headers, json } = await ask(method, url, documents[0])
    const words = `${method} is not answered here; accepted: ${allowed.replace(' HEAD,', '')}`
    t.strictSame([statusCode, headers.allow, json().issue[0].diagnostics], [405, allowed, words], `${method} ${url}`)
  }
})

t.test('repairs are reported', async t => {
  const answer = await ask(
    'POST',
    `${base}?patient=ann`,
    document(5, 'omh:heart-rate:2.0', rate('65').replace('beats/min', 'bpm')),
  )
  t.match(
    [answer.statusCode, answer.json()],
    [201, { issue: [{ severity: 'warning', details: { coding: [{ code: 'unit-spelling' }] } }] }],
  )
  t.equal((await ask('DELETE', `${base}/${uuid(5)}`)).statusCode, 200)
})

t.test('an id is that of one document, whatever is in it', async t => {
  for (const id of [
    `nothing,${uuid(2)}`,
    `nothing,urn:uuid:${uuid(2)}`,
    `nothing%2Curn:ietf:rfc:3986%7Curn:uuid:${uuid(2)}`,
  ])
    for (const method of ['GET', 'DELETE'] as const) t.equal((await ask(method, `${base}/${id}`)).statusCode, 404, id)
  t.equal((await ask('GET', `${base}/${uuid(2)}`)).statusCode, 200)
})

t.test('an id only belongs to one patient', async t => {
  t.equal((await ask('POST', `${base}?patient=bob`, documents[0])).statusCode, 201)
  t.match((await ask('GET', `${base}/${uuid(1)}`)).json().issue[0].diagnostics, /say patient=/)
  t.equal((await ask('GET', `${base}/${uuid(1)}?patient=bob`)).body, documents[0])
  t.equal((await ask('DELETE', `${base}/${uuid(1)}?patient=bob`)).statusCode, 200)
  t.equal((await ask('GET', `${base}/${uuid(1)}?patient=bob`)).statusCode, 404)
  t.equal((await ask('GET', `${base}/${uuid(1)}`)).body, documents[0], 'that of another patient stays')
})

t.test('of several documents of one patient with the same id, each is known by its Observation', async t => {
  const weight = document(6, 'omh:body-weight:2.0', '"body_weight": { "value": 71, "unit": "kg" }')
  const places: string[] = []
  for (const one of [document(6, 'omh:heart-rate:2.0', rate('66')), weight])
    places.push(String((await ask('POST', `${base}?patient=ann`, one)).headers.location).replace(own, '/omh/v1'))
  const several = (await ask('GET', `${base}/${uuid(6)}?patient=ann`)).json()
  t.match(several.issue[0], { code: 'multiple-matches', diagnostics: /known by the id of its Observation/ })
  t.equal((await ask('GET', `${places[1]}`)).body, weight)
  for (const place of places) t.equal((await ask('DELETE', place)).statusCode, 200)
})

t.test('if a patient is named, nothing of anybody else is read or deleted, by whatever id', async t => {
  const own = created[1]?.location.split('/').at(-1)
  for (const id of [own, uuid(2)])
    for (const method of ['GET', 'DELETE'] as const)
      t.match(await ask(method, `${base}/${id}?patient=bob`), { statusCode: 404 }, `${method} ${id}`)
  t.match(await ask('GET', `${base}/${own}?patient=ann`), { statusCode: 200, body: documents[1] })
  t.match(await ask('GET', `${base}/a%7Cb,c?patient=ann`), { statusCode: 404 })
})

t.test('a token does what its scopes and its person may, and the record says so as at /fhir', async t => {
  t.equal((await server.inject({ url: base })).statusCode, 401)
  const { last } = await database.one<{ last: string }>(sql.fragment`SELECT max(id)::text AS last FROM audit_record`)
  const askAs = async (patient: string, scope: string, method: 'GET' | 'POST' | 'DELETE', url: string) => {
    const bearer = await token({ subject: { kind: 'patient', patient }, scope })
    const headers = {
      authorization: `Bearer ${bearer}`,
      ...(method === 'POST' && { 'content-type': 'application/json' }),
    }
    return server.inject({ method, url, headers, ...(method === 'POST' && { payload: documents[0] }) })
  }
  const rows = [
    ['ann', 'patient/Observation.rs', 'GET', base, 200],
    ['ann', 'patient/Observation.r', 'GET', base, 403],
    ['ann', 'patient/Observation.rs', 'GET', `${base}/${uuid(2)}`, 200],
    ['ann', 'patient/Observation.s', 'GET', `${base}/${uuid(2)}`, 403],
    ['ann', 'patient/Observation.rs?code=omh:body-weight', 'GET', `${base}/${uuid(2)}`, 404],
    ['bob', 'patient/Observation.rs', 'GET', `${base}/${uuid(2)}`, 404],
    ['ann', 'patient/Observation.rs', 'POST', base, 403],
    ['bob', 'patient/Observation.cruds', 'POST', `${base}?patient=ann`, 403],
    ['ann', 'patient/Observation.rs', 'DELETE', `${base}/${uuid(2)}`, 403],
    ['bob', 'patient/Observation.cruds', 'DELETE', `${base}/${uuid(2)}`, 404],
    ['ann', 'patient/Observation.cruds', 'DELETE', `${base}/${uuid(2)}`, 200],
  ] as const
  for (const [patient, scope, method, url, status] of rows)
    t.equal((await askAs(patient, scope, method, url)).statusCode, status, `${patient} by ${scope}: ${method} ${url}`)
  t.equal((await askAs('bob', 'patient/Observation.rs', 'GET', base)).body, '[]')
  const recorded = await database.any<{ patient: string; interaction: string; outcome: number }>(
    sql.fragment`SELECT patient, interaction, outcome FROM audit_record WHERE id > ${last}::bigint ORDER BY id`,
  )
  const said = recorded.map(({ patient, interaction, outcome }) => `${patient} ${interaction} ${outcome}`)
  for (const one of [
    'ann search-type 200',
    'ann search-type 403',
    'ann read 200',
    'ann read 403',
    'ann read 404',
    'bob read 404',
  ])
    t.ok(said.includes(one), one)
  for (const one of ['ann create 403', 'bob create 403', 'ann delete 403', 'bob delete 404'])
    t.ok(said.includes(one), one)
  if (!t.passing()) t.comment(said.join('\n'))
})

t.test('what was entered in error or cancelled is in no list, and can only be read by its id', async t => {
  await ask('PUT', '/fhir/Patient/dot', JSON.stringify({ resourceType: 'Patient', id: 'dot' }))
  const sent = [5, 6, 7].map(number => document(number, 'omh:heart-rate:2.0', rate(`6${number}`)))
  for (const one of sent) await ask('POST', `${base}?patient=dot`, one)
  for (const [number, status] of [
    [5, 'entered-in-error'],
    [6, 'cancelled'],
  ] as const) {
    const found = await ask('GET', `/fhir/Observation?patient=dot&identifier=urn:uuid:${uuid(number)}`)
    const [{ resource }] = found.json().entry
    const { statusCode } = await ask('PUT', `/fhir/Observation/${resource.id}`, JSON.stringify({ ...resource, status }))
    t.equal(statusCode, 200, status)
  }
  const left = oneLine(sent[2] ?? '')
  t.equal((await ask('GET', `${base}?patient=dot`)).body, `[${left}]`)
  t.equal((await ask('GET', `${base}?patient=dot`, undefined, { accept: 'application/x-ndjson' })).body, `${left}\n`)
  t.equal((await ask('GET', `${base}/${uuid(5)}`)).body, sent[0])
})

t.test('somebody who reads lines slowly gets no further when their token is revoked', async t => {
  const headers = { authorization: 'Bearer everything' }
  await server.inject({
    method: 'PUT',
    url: '/fhir/Patient/cy',
    headers,
    payload: { resourceType: 'Patient', id: 'cy' },
  })
  /** More than two pages, of which one is read ahead; a page is larger than the buffers between server and client. */
  for (const hour of ['05', '06', '07', '08', '09', '10']) {
    const entry = Array.from({ length: 400 }, (_, index) => {
      const time = `2026-01-01T${hour}:${10 + Math.floor(index / 10)}:0${index % 10}Z`
      const schema_id = { namespace: 'omh', name: 'heart-rate', version: '2.0' }
      const header = { uuid: randomUUID(), schema_id, source_creation_date_time: time, modality: 'sensed' }
      const body = { heart_rate: { value: 60, unit: 'beats/min' }, effective_time_frame: { date_time: time } }
      const sent = Buffer.from(JSON.stringify({ header: { ...header, place: 'long '.repeat(2400) }, body }))
      return {
        request: { method: 'POST', url: 'Observation' },
        resource: {
          resourceType: 'Observation',
          status: 'final',
          subject: { reference: 'Patient/cy' },
          valueAttachment: { contentType: 'application/json', data: sent.toString('base64') },
        },
      }
    })
    const payload = { resourceType: 'Bundle', type: 'batch', entry }
    t.equal((await server.inject({ method: 'POST', url: '/fhir', headers, payload })).statusCode, 200)
  }
  const address = await server.listen({ port: 0, host: '127.0.0.1' })
  const begin = async (ttlSeconds?: number) => {
    const all = { scope: 'system/*.cruds', policies: ['everything'] } as const
    const bearer = await token({ subject: { kind: 'client' }, ...all, ...(ttlSeconds && { ttlSeconds }) })
    const asked = { authorization: `Bearer ${bearer}`, accept: 'application/x-ndjson' }
    return { bearer, ...(await readSlowly(`${address}${base}?patient=cy`, asked)) }
  }
  const { bearer, status, rest } = await begin()
  t.equal(status, 200)
  await revokeToken(database, bearer)
  await sleep(1100)
  await t.rejects(rest())
  const late = await begin(2)
  await sleep(2500)
  await t.resolves(late.rest(), 'an answer that began in time may outlast the token')
})

t.test('a link leads to what follows, whatever comes in or goes before it is followed', async t => {
  await server.inject({
    method: 'PUT',
    url: '/fhir/Patient/cid',
    headers: { authorization: 'Bearer everything' },
    payload: { resourceType: 'Patient', id: 'cid' },
  })
  const made: string[] = []
  const make = async () => {
    const value = 70 + made.length
    const one = document(1, 'omh:heart-rate:2.0', rate(`${value}.5`)).replace(uuid(1), randomUUID())
    made.push(String((await ask('POST', `${base}?patient=cid`, one)).headers.location).replace(own, '/omh/v1'))
  }
  for (let count = 0; count < 6; count += 1) await make()
  const pages: (readonly number[])[] = []
  for (let url: string | undefined = `${base}?patient=cid&skip=1&limit=2`; url !== undefined; ) {
    const answer = await ask('GET', url)
    const listed: readonly { readonly body: { readonly heart_rate: { readonly value: number } } }[] = answer.json()
    pages.push(listed.map(({ body }) => body.heart_rate.value))
    url = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link))?.[1]?.replace(own, '/omh/v1')
    if (pages.length === 1) for (const gone of [5, 4]) t.equal((await ask('DELETE', made[gone] ?? '')).statusCode, 200)
    if (pages.length === 2) await make()
  }
  t.same(pages, [[74.5, 73.5], [72.5, 71.5], [70.5]])
})

t.test('a data point that is not in UTF-8 is refused, since it would be kept with other letters', async t => {
  const at = server.listeningOrigin
  const bearer = await token({ subject: { kind: 'client' }, scope: 'system/*.cruds', policies: ['everything'] })
  const sent = async (charset: string, body: Buffer) => {
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': `application/json${charset}` }
    const answer = await fetch(`${at}${base}?patient=ann`, { method: 'POST', headers, body: new Uint8Array(body) })
    return `${answer.status} ${await answer.text()}`
  }
  const text = document(9, 'omh:heart-rate:2.0', rate('69'))
  for (const [charset, encoding] of [
    ['utf-16', 'utf16le'],
    ['iso-8859-1', 'latin1'],
    ['iso-8859-1', 'utf8'],
  ] as const)
    t.match(
      await sent(`; charset=${charset}`, Buffer.from(text, encoding)),
      new RegExp(`^415 .*Text in ${charset} is not taken here; send UTF-8`),
    )
  t.match(await sent('', Buffer.from(text, 'latin1')), /^400 .*The body is not UTF-8/)
  t.match(await sent('; charset=utf-16', Buffer.alloc(0)), /^400 .*The body is a data point, as JSON/)
  t.match(await sent('; charset=UTF-8', Buffer.from(text)), /^201 /, 'while UTF-8 may be named')
})
