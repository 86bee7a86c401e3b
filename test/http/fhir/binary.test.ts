import t from 'tap'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server } = await fhirWorld({ MAX_BODY_BYTES: '20000' })
t.teardown(() => server.close())

const call = (
  method: 'GET' | 'POST' | 'PUT' | 'HEAD',
  url: string,
  headers: Record<string, string> = {},
  payload?: string | Buffer,
) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', ...headers },
    ...(payload === undefined ? {} : { payload }),
  })
const pathOf = (answer: Awaited<ReturnType<typeof call>>) =>
  String(answer.headers.location).replace(/^.*\/fhir\/(.*)\/_history.*/, '$1')
const asJson = { accept: 'application/fhir+json' }

t.test('content of any type is stored and given back byte for byte', async t => {
  const bytes = Buffer.from([0, 255, 137, 80, 13, 10, 0xc3, 0x28])
  const created = await call('POST', 'Binary', { 'content-type': 'image/png' }, bytes)
  t.equal(created.statusCode, 201)
  t.match(created.json(), { resourceType: 'Binary', contentType: 'image/png', data: bytes.toString('base64') })
  const path = pathOf(created)
  for (const headers of [{}, { accept: '*/*' }, { accept: 'image/*' }, { accept: 'text/html, image/png;q=0.5' }]) {
    const read = await call('GET', path, headers)
    t.same([read.statusCode, read.headers['content-type'], read.rawPayload], [200, 'image/png', bytes])
  }
  const head = await call('HEAD', path)
  t.same([head.headers['content-length'], head.headers.etag, head.body], ['8', 'W/"1"', ''])
  const vread = await call('GET', `${path}/_history/1`)
  t.same(vread.rawPayload, bytes)
  const updated = await call('PUT', path, { 'content-type': 'text/csv; charset=utf-8' }, 'a,b')
  t.equal(updated.statusCode, 200)
  const after = await call('GET', path)
  t.same([after.body, after.headers['content-type'], after.headers.etag], ['a,b', 'text/csv; charset=utf-8', 'W/"2"'])
  t.same((await call('GET', `${path}/_history/1`)).rawPayload, bytes)
})

t.test('a percent-encoded path of a Binary takes content, too', async t => {
  const type = { 'content-type': 'text/csv' }
  const created = await call('POST', '%42inary', type, 'a,b')
  t.equal(created.statusCode, 201)
  const path = pathOf(created).replace('-', '%2D')
  t.equal((await call('PUT', path.replace('B', '%42'), type, 'c,d')).statusCode, 200)
  for (const version of ['', '/%5Fhistory/2'])
    t.match(await call('GET', `${path}${version}`, { accept: 'text/csv' }), { statusCode: 200, body: 'c,d' }, version)
})

t.test('a patch or a form is content as well', async t => {
  for (const type of ['application/json-patch+json', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
    const created = await call('POST', 'Binary', { 'content-type': type }, '[1]')
    t.equal(created.statusCode, 201, type)
    const path = pathOf(created)
    t.equal((await call('PUT', path, { 'content-type': type }, '[2]')).statusCode, 200, type)
    const read = await call('GET', path, { accept: type })
    t.same([read.body, read.headers['content-type']], ['[2]', type])
  }
})

t.test('a request for FHIR gets the resource around it', async t => {
  const path = pathOf(await call('POST', 'Binary', { 'content-type': 'text/plain' }, 'x'))
  const type = async (accept: string, query = '') => {
    const { statusCode, headers } = await call('GET', path + query, { accept })
    return `${statusCode} ${headers['content-type']}`
  }
  const [json, xml, raw] = [
    '200 application/fhir+json; charset=utf-8',
    '200 application/fhir+xml; charset=utf-8',
    '200 text/plain',
  ]
  t.equal(await type('application/fhir+json'), json)
  t.equal(await type('application/fhir+json, */*; q=0.1'), json)
  t.equal(await type('application/json'), json)
  t.equal(await type('application/fhir+xml'), xml)
  t.equal(await type('*/*', '?_format=json'), json)
  t.equal(await type('text/plain', '?_format=xml'), xml)
  t.equal(await type('application/fhir+json;q=0.5, text/plain'), raw)
  t.equal(await type('text/html, */*;q=0.1'), raw)
})

t.test('whoever accepts other types, and no FHIR, gets the content with its own type', async t => {
  const path = pathOf(await call('POST', 'Binary', { 'content-type': 'text/plain' }, 'x'))
  for (const accept of [
    'image/png',
    'application/octet-stream',
    'text/html',
    'application/json;q=0, application/pdf',
  ]) {
    const { statusCode, headers, body } = await call('GET', path, { accept })
    t.strictSame([statusCode, headers['content-type'], body], [200, 'text/plain', 'x'], accept)
  }
  for (const accept of [
    'text/plain;q=0, image/png',
    '*/*;q=0',
    'application/fhir+turtle',
    'application/fhir+json;fhirVersion=3.0',
  ])
    t.equal((await call('GET', path, { accept })).statusCode, 406, accept)
})

t.test('its content is answered whole whatever part of the resource is asked for', async t => {
  const path = pathOf(await call('POST', 'Binary', { 'content-type': 'text/plain' }, 'x'))
  for (const query of ['_summary=true', '_summary=text', '_elements=contentType'])
    for (const version of ['', '/_history/1']) {
      const { headers, body } = await call('GET', `${path}${version}?${query}`)
      t.strictSame([headers['content-type'], body], ['text/plain', 'x'], `${version}?${query}`)
      t.notHas((await call('GET', `${path}${version}?${query}`, asJson)).json(), { data: 'eA==' })
    }
})

t.test('JSON and XML are content, unless they are a Binary', async t => {
  for (const [type, text] of [
    ['application/json', '{ "a": 1.10 }'],
    ['application/json', 'not even JSON'],
    ['text/xml', '<a/>'],
  ] as const) {
    const path = pathOf(await call('POST', 'Binary', { 'content-type': type }, text))
    const read = await call('GET', path, { accept: type })
    t.same([read.body, read.headers['content-type']], [text, type])
  }
  const binary = '{ "resourceType": "Binary", "contentType": "text/plain", "data": "aGk=" }'
  for (const type of ['application/json', 'application/fhir+json']) {
    const path = pathOf(await call('POST', 'Binary', { 'content-type': type }, binary))
    t.equal((await call('GET', path)).body, 'hi')
  }
  const patient = await call(
    'POST',
    'Binary',
    { 'content-type': 'application/fhir+json' },
    '{"resourceType":"Patient"}',
  )
  t.equal(patient.statusCode, 400)
  const latin1 = Buffer.from('{"resourceType":"Binary","contentType":"text/\xE9"}', 'latin1')
  const unclear = await call('POST', 'Binary', { 'content-type': 'application/fhir+json' }, latin1)
  t.match([unclear.statusCode, unclear.json().issue[0].diagnostics], [400, 'The body is not UTF-8'])
})

t.test('a browser saves it, and neither runs nor sniffs nor caches it', async t => {
  const script = '<script>alert(1)</script>'
  const path = pathOf(await call('POST', 'Binary', { 'content-type': 'text/html' }, script))
  const { headers, body } = await call('GET', path, { accept: 'text/html,*/*;q=0.8' })
  t.equal(body, script)
  t.match(headers, {
    'content-type': 'text/html',
    'content-disposition': `attachment; filename="${path.replace('Binary/', '')}"`,
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
})

t.test('what no header can carry is left out of the type, and percent-encoded in X-Security-Context', async t => {
  for (const contentType of ['tęxt/plain', 'text/plain; format="ę"']) {
    const stored = {
      resourceType: 'Binary',
      contentType,
      securityContext: { reference: 'https://example.org/Łódź' },
      data: 'eA==',
    }
    const path = pathOf(
      await call('POST', 'Binary', { 'content-type': 'application/fhir+json' }, JSON.stringify(stored)),
    )
    const { statusCode, headers, body } = await call('GET', path)
    t.strictSame(
      [statusCode, headers['content-type'], headers['x-security-context'], body],
      [200, 'application/octet-stream', 'https://example.org/%C5%81%C3%B3d%C5%BA', 'x'],
      contentType,
    )
  }
})

t.test('X-Security-Context says whose it is', async t => {
  const patient = await call('POST', 'Patient', { 'content-type': 'application/json' }, '{"resourceType":"Patient"}')
  const context = pathOf(patient)
  const headers = { 'content-type': 'text/plain', 'x-security-context': context }
  const path = pathOf(await call('POST', 'Binary', headers, 'x'))
  t.match((await call('GET', path, asJson)).json(), { securityContext: { reference: context } })
  t.equal((await call('GET', path)).headers['x-security-context'], context)
})

t.test('it is limited like all bodies', async t => {
  const answer = await call('POST', 'Binary', { 'content-type': 'image/png' }, Buffer.alloc(20_001))
  t.match([answer.statusCode, answer.json().issue[0].code], [413, 'too-long'])
  t.equal(
    (await call('POST', 'Patient', { 'content-type': 'image/png' }, 'x')).statusCode,
    415,
    'elsewhere it is not accepted',
  )
})
