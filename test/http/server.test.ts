import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { deflateSync, gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { openLog } from '../../src/events/log.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openXml } from '../../src/fhir/xml/xml.ts'
import { parseBodies } from '../../src/http/fhir/fhir-body.ts'
import { healthRoutes } from '../../src/http/health.ts'
import { openServer } from '../../src/http/server.ts'

const xml = openXml(loadRegistry().structures)

const open = async ({ corsOrigins = '*' as '*' | readonly string[], isReady = async () => true } = {}) => {
  const lines: string[] = []
  const answering: (() => void)[] = []
  const log = openLog('trace', { write: line => lines.push(line) })
  const server = await openServer({ config: { maxBodyBytes: 2000, corsOrigins, trustProxy: [] }, log, xml })
  await server.register(healthRoutes, { isReady })
  await server.register(async scope => {
    parseBodies(scope)
    scope.post('/echo', async request => request.body)
    scope.get('/long', async () => 'x'.repeat(5000))
    scope.get('/unchanged', async (_request, reply) => reply.code(304).send())
    scope.get('/slow', () => new Promise(resolve => answering.push(() => resolve('done'))))
    scope.post('/lines', async ({ raw: { socket } }) => {
      await once(socket, 'close')
      return Readable.from(['line'])
    })
    scope.get('/named/:name', async () => 'found')
    scope.get('/refused', async () => {
      throw new FhirError('conflict', 'Somebody was faster', { status: 412, expression: 'Patient.meta' })
    })
    scope.get('/busy', async () => {
      const lost = new Error('connect ECONNREFUSED 10.0.0.7:5432')
      const cause = Object.assign(new Error('deadlock', { cause: lost }), { detail: 'of (glucose 400)', code: '40P01' })
      throw new FhirError('transient', 'The database was busy; try again', { cause })
    })
    scope.get('/fault', async () => {
      throw Object.assign(new Error('broken'), { detail: 'Failing row contains (glucose 400)', code: '23514' })
    })
  })
  t.teardown(() => server.close())
  return { server, lines, answering }
}

const ownId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const issueOf = (response: { json: () => { issue: readonly { code: string; diagnostics: string }[] } }) =>
  response.json().issue[0]

t.test('an error that is thrown on purpose is answered as an OperationOutcome with its status', async t => {
  const { server } = await open()
  const response = await server.inject('/refused')
  t.equal(response.statusCode, 412)
  t.equal(response.headers['content-type'], 'application/fhir+json; charset=utf-8')
  t.same(response.json(), {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'conflict', diagnostics: 'Somebody was faster', expression: ['Patient.meta'] }],
  })
})

t.test('a fault is answered with 500 and no detail, and logged with the request id but no row', async t => {
  const { server, lines } = await open()
  const response = await server.inject({ url: '/fault', headers: { 'x-request-id': 'abc-1' } })
  t.equal(response.statusCode, 500)
  t.same(issueOf(response), { severity: 'error', code: 'exception', diagnostics: 'Internal error' })
  const logged = lines.find(line => line.includes('broken')) ?? ''
  t.match(JSON.parse(logged), {
    requestId: ownId,
    callersRequestId: 'abc-1',
    err: { message: 'broken', stack: /server\.test/ },
  })
})

t.test('the cause of a 503 is logged once, as a warning with the request id, and not answered', async t => {
  const { server, lines } = await open()
  const response = await server.inject({ url: '/busy', headers: { 'x-request-id': 'abc-2' } })
  t.match([response.statusCode, response.headers], [503, { 'retry-after': '2' }])
  t.same(issueOf(response), { severity: 'error', code: 'transient', diagnostics: 'The database was busy; try again' })
  const logged = lines.filter(line => line.includes('deadlock'))
  t.equal(logged.length, 1)
  t.match(JSON.parse(logged[0] ?? ''), {
    level: 40,
    requestId: ownId,
    callersRequestId: 'abc-2',
    msg: 'The database was busy; try again',
    err: { cause: { message: 'deadlock', code: '40P01', cause: { message: 'connect ECONNREFUSED 10.0.0.7:5432' } } },
  })
  t.notMatch(lines.join(''), /glucose/)
})

t.test('a client that disconnects while it sends a body is no fault, and is in the log as what it is', async t => {
  const { server, lines } = await open()
  await server.listen({ port: 0, host: '127.0.0.1' })
  const logged = () => lines.map(line => JSON.parse(line)).filter(({ requestId }) => requestId !== undefined)
  const begun = ['content-length: 1000\r\n\r\n{"a":', 'transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n']
  for (const sent of begun) {
    lines.length = 0
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(
      `POST /echo?name=Castillo HTTP/1.1\r\nhost: sharewell\r\ncontent-type: application/fhir+json\r\n${sent}`,
    )
    await pause(50)
    socket.destroy()
    while (logged().length === 0) await pause(5)
    await pause(50)
    t.match(logged(), [{ level: 30, method: 'POST', path: '/echo', msg: 'The client disconnected while it sent this' }])
    t.equal(logged().length, 1, sent)
  }
})

t.test('nor is one that disconnects before it is answered', async t => {
  const { server, lines } = await open()
  await server.listen({ port: 0, host: '127.0.0.1' })
  const logged = () => lines.map(line => JSON.parse(line)).filter(({ requestId }) => requestId !== undefined)
  const json = 'content-type: application/json\r\ncontent-length: 2\r\n\r\n{}'
  for (const [method, path, rest] of [
    ['POST', '/lines', json],
    ['GET', '/slow', '\r\n'],
  ] as const) {
    lines.length = 0
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(`${method} ${path}?name=Castillo HTTP/1.1\r\nhost: sharewell\r\n${rest}`)
    await pause(50)
    socket.destroy()
    while (logged().length === 0) await pause(5)
    await pause(50)
    const msg = 'The client disconnected before it had its whole answer'
    t.match(logged(), [{ level: 30, method, path, durationMs: Number, msg }])
    t.equal(logged().length, 1, path)
  }
})

t.test('what is wrong with the request itself is reported as FHIR defines', async t => {
  const { server } = await open()
  const json = { 'content-type': 'application/fhir+json' }
  const wrong = [
    { request: { url: '/nowhere?a=b' }, status: 404, code: 'not-found' },
    { request: { url: '/%zz' }, status: 400, code: 'invalid' },
    { request: { url: '/echo', method: 'POST', headers: json, payload: '{"a":' }, status: 400, code: 'structure' },
    {
      request: { url: '/echo', method: 'POST', headers: json, payload: `"${'x'.repeat(2000)}"` },
      status: 413,
      code: 'too-long',
    },
    {
      request: { url: '/echo', method: 'POST', headers: { 'content-type': 'text/plain' }, payload: 'x' },
      status: 415,
      code: 'not-supported',
    },
    {
      request: { url: '/echo', method: 'POST', headers: { ...json, 'content-encoding': 'zip' }, payload: '{}' },
      status: 415,
      code: 'not-supported',
    },
    {
      request: { url: '/echo', method: 'POST', headers: { ...json, 'content-encoding': 'gzip' }, payload: '{}' },
      status: 400,
      code: 'structure',
    },
  ] as const
  for (const { request, status, code } of wrong) {
    const response = await server.inject(request)
    t.match({ status: response.statusCode, code: issueOf(response)?.code }, { status, code }, JSON.stringify(request))
    t.match(response.headers['content-type'], /^application\/fhir\+json/)
  }
})

t.test('an address that is too long for anything is refused without being repeated: it may hold a secret', async t => {
  const { server } = await open()
  const answer = await server.inject(`/named/${'x'.repeat(1001)}`)
  t.same(answer.json().issue, [
    {
      severity: 'error',
      code: 'too-long',
      diagnostics: 'A part of the path is longer than anything that is found there',
    },
  ])
  t.equal(answer.statusCode, 414)
})

t.test('a compressed body is accepted, up to the limit of its content', async t => {
  const { server } = await open()
  const headers = { 'content-type': 'application/fhir+json', 'content-encoding': 'gzip' }
  const post = (text: string) => server.inject({ url: '/echo', method: 'POST', headers, payload: gzipSync(text) })
  t.same((await post('{"value":1.5}')).json(), { value: 1.5 })
  const bomb = await post(`"${'0'.repeat(5_000_000)}"`)
  t.equal(bomb.statusCode, 413)
  t.equal(issueOf(bomb)?.code, 'too-long')
})

t.test(
  'codings of a body are named in any case, gzip by its old name too, and a refusal names those that are taken',
  async t => {
    const { server } = await open()
    const post = (coding: string, payload: Buffer | string) =>
      server.inject({
        url: '/echo',
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json', 'content-encoding': coding },
        payload,
      })
    const sent = '{"value":1.5}'
    for (const coding of ['GZIP', 'x-gzip', ' gzip '])
      t.same((await post(coding, gzipSync(sent))).json(), { value: 1.5 }, coding)
    t.same((await post('Deflate', deflateSync(sent))).json(), { value: 1.5 })
    for (const coding of ['identity', 'Identity', '']) t.same((await post(coding, sent)).json(), { value: 1.5 }, coding)
    for (const coding of ['br', 'gzip, gzip', 'compress']) {
      const refused = await post(coding, sent)
      t.match([refused.statusCode, refused.headers['accept-encoding']], [415, 'gzip, deflate'], coding)
      t.equal(issueOf(refused)?.diagnostics, 'The Content-Encoding is not taken here; send gzip, deflate or none')
    }
    const text = { 'content-type': 'text/plain' }
    const otherType = await server.inject({ url: '/echo', method: 'POST', headers: text, payload: 'x' })
    t.strictSame([otherType.statusCode, otherType.headers['accept-encoding']], [415, undefined])
  },
)

t.test('a request that names the whole address is answered like one that names the path', async t => {
  const { server } = await open()
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  const ask = (target: string) =>
    readText(connect(port, '127.0.0.1').end(`GET ${target} HTTP/1.1\r\nhost: sharewell\r\nconnection: close\r\n\r\n`))
  for (const target of [`http://127.0.0.1:${port}/healthz`, 'HTTPS://sharewell.example/healthz', '/healthz'])
    t.match(await ask(target), /^HTTP\/1\.1 200 /, target)
  for (const target of ['http://sharewell.example', 'http://sharewell.example?a=/healthz'])
    t.match(await ask(target), /Nothing is at \/;/, target)
})

t.test('what cannot be read as a request is refused with what is wrong', async t => {
  const { server } = await open()
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  const send = (text: string) => readText(connect(port, '127.0.0.1').end(text))
  t.match(
    await send(`GET /${'x'.repeat(70_000)} HTTP/1.1\r\n\r\n`),
    /^HTTP\/1\.1 431 .*"too-long".*"The URL and the headers have more than 65536 bytes together: send a longer search by POST"/s,
  )
  t.match(await send('NONSENSE\r\n\r\n'), /^HTTP\/1\.1 400 .*"structure".*"The request is not well-formed HTTP"/s)
})

t.test('a long answer is compressed for clients that accept it', async t => {
  const { server } = await open()
  const plain = await server.inject('/long')
  t.equal(plain.headers['content-encoding'], undefined)
  const small = await server.inject({ url: '/long', headers: { 'accept-encoding': 'gzip' } })
  t.equal(small.headers['content-encoding'], 'gzip')
  t.equal(gunzipSync(small.rawPayload).toString(), plain.body)
})

t.test('an answer is not compressed for clients that refuse gzip by its name, whatever else they accept', async t => {
  const { server } = await open()
  const codingFor = async (accepted: string) =>
    (await server.inject({ url: '/long', headers: { 'accept-encoding': accepted } })).headers['content-encoding']
  for (const accepted of ['*', 'br, *;q=0.5', 'deflate;q=0, GZIP;q=0.1', 'gzip;q=0.01, *;q=0'])
    t.equal(await codingFor(accepted), 'gzip', accepted)
  for (const accepted of [
    'gzip;q=0',
    'gzip;q=0, *',
    '*, GZIP ; Q=0.000',
    'br, x-gzip;q=0, *;q=0.5',
    '*;q=0',
    'identity',
  ])
    t.equal(await codingFor(accepted), undefined, accepted)
})

t.test('HEAD says no other length than GET does', async t => {
  const { server } = await open()
  const lengths = async (headers: Readonly<Record<string, string>>, url = '/long') => {
    const [head, get] = await Promise.all([
      server.inject({ method: 'HEAD', url, headers }),
      server.inject({ method: 'GET', url, headers }),
    ])
    return [head.headers['content-length'], get.headers['content-length']]
  }
  t.same(await lengths({}), ['5000', '5000'])
  t.same(await lengths({ 'accept-encoding': 'identity' }), ['5000', '5000'])
  t.same(await lengths({}, '/unchanged'), [undefined, undefined])
  for (const coding of ['gzip', 'br, x-gzip;q=0.5', '*'])
    t.equal((await lengths({ 'accept-encoding': coding }))[0], undefined, coding)
})

t.test('each answer names its request, with the id that came with it or a new one', async t => {
  const { server } = await open()
  const ask = async (id?: string) =>
    (await server.inject({ url: '/healthz', headers: id === undefined ? {} : { 'x-request-id': id } })).headers[
      'x-request-id'
    ]
  t.equal(await ask('from-the-proxy.1'), 'from-the-proxy.1')
  t.match(await ask(), ownId)
  t.match(await ask('no spaces\tor worse'), ownId)
})

t.test('an id that is not taken over comes back as X-Correlation-Id, unless it could not be shown', async t => {
  const { server } = await open()
  const ask = async (id: string) => {
    const { headers } = await server.inject({ url: '/healthz', headers: { 'x-request-id': id } })
    return headers['x-correlation-id']
  }
  t.equal(await ask('Root=1-67891233'), 'Root=1-67891233')
  t.equal(await ask('taken-over'), undefined)
  for (const hidden of ['a b', 'é', 'x'.repeat(257)]) t.equal(await ask(hidden), undefined, hidden)
})

t.test('the log has our own id of a request, and the caller’s beside it if there is one', async t => {
  const { server, lines } = await open()
  const idsOf = async (id: string) => {
    const from = lines.length
    await server.inject({ url: '/long', headers: { 'x-request-id': id } })
    const { requestId, callersRequestId } = JSON.parse(lines[from] ?? '')
    return { requestId, callersRequestId }
  }
  const first = await idsOf('ever')
  const second = await idsOf('ever')
  t.match([first, second], Array(2).fill({ requestId: ownId, callersRequestId: 'ever' }))
  t.not(first.requestId, second.requestId)
  t.match(await idsOf('no spaces\tor worse'), { requestId: ownId, callersRequestId: undefined })
})

t.test('a request with an invalid address is named and logged like any other', async t => {
  const { server, lines } = await open()
  const { headers } = await server.inject({ url: '/100%?code=hidden', headers: { 'x-request-id': 'ever' } })
  t.match(headers, { 'x-request-id': 'ever', 'x-content-type-options': 'nosniff' })
  t.match(
    lines.map(line => JSON.parse(line)),
    [{ method: 'GET', path: '/100%', status: 400, requestId: ownId, callersRequestId: 'ever' }],
  )
  t.notMatch(lines.join(''), /hidden/)
})

t.test('the log has method, path, status and time, but never a query, a header or a body', async t => {
  const { server, lines } = await open()
  await server.inject({
    url: '/echo?name=hidden',
    method: 'POST',
    headers: { authorization: 'Bearer hidden', 'content-type': 'application/json', 'x-other': 'hidden' },
    payload: '{"family":"hidden"}',
  })
  await server.inject('/nowhere?code=hidden')
  await server.inject('/fault?code=hidden')
  await server.inject({ method: 'POST', url: '/api/v1/invitation/hidden' })
  await server.inject('/api/v1/invitation/hidden/')
  await server.inject({ method: 'POST', url: '/api/v1/%69nvitation/hidden' })
  await server.inject('/%61pi/v1/invitation%2Fhidden%ff')
  for (const url of ['/x//api/v1/invitation/hidden', '/api//v1/invitation//hidden', '/API/V1/Invitation/hidden'])
    await server.inject({ method: 'POST', url })
  for (const arrivals of ['/sso/arrivals', '/SSO//%61rrivals', '/launched'])
    for (const url of [`${arrivals}/hidden`, `${arrivals}/hidden/account`]) await server.inject({ method: 'POST', url })
  t.notMatch(lines.join(''), /hidden|glucose/)
  t.match(JSON.parse(lines[0] ?? ''), { method: 'POST', path: '/echo', status: 200, durationMs: Number })
})

t.test('a page of any origin can call with a token and read the headers that it needs', async t => {
  const { server } = await open()
  const preflight = await server.inject({
    url: '/echo',
    method: 'OPTIONS',
    headers: {
      origin: 'https://app.example.org',
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'authorization,if-match',
    },
  })
  t.match(preflight.headers, {
    'access-control-allow-origin': '*',
    'access-control-allow-methods': /PUT/,
    'access-control-allow-headers': 'authorization,if-match',
  })
  const answer = await server.inject({ url: '/healthz', headers: { origin: 'https://app.example.org' } })
  t.match(
    answer.headers['access-control-expose-headers'],
    /ETag, Link, Location, Content-Location, Last-Modified, Expires, Retry-After, X-Progress, X-Request-Id, X-Correlation-Id/,
  )
})

t.test('with CORS_ORIGINS only pages of those can', async t => {
  const { server } = await open({ corsOrigins: ['https://app.example.org'] })
  const allowed = async (origin: string) =>
    (await server.inject({ url: '/healthz', headers: { origin } })).headers['access-control-allow-origin']
  t.equal(await allowed('https://app.example.org'), 'https://app.example.org')
  t.equal(await allowed('https://evil.example.org'), undefined)
})

t.test('what apps use to find the server, pages of all can read even then, at each base', async t => {
  const { server } = await open({ corsOrigins: ['https://app.example.org'] })
  for (const url of [
    '/fhir/metadata',
    '/FHIR/R5/metadata',
    '/fhir/r5/metadata',
    '/fhir/r5/.well-known/smart-configuration',
  ])
    t.equal(
      (await server.inject({ url, headers: { origin: 'https://b.example.org' } })).headers[
        'access-control-allow-origin'
      ],
      '*',
      url,
    )
})

t.test('being alive and being ready are answered separately', async t => {
  const { server } = await open({
    isReady: async () => {
      throw new Error('no database')
    },
  })
  t.equal((await server.inject('/healthz')).statusCode, 200)
  const ready = await server.inject('/readyz')
  t.equal(ready.statusCode, 503)
  t.same(ready.json(), { status: 'unavailable' })
})

t.test('pipelined requests of a client are begun in turn, and no longer once it has disconnected', async t => {
  const { server, answering } = await open()
  await server.listen({ port: 0, host: '127.0.0.1' })
  const send = (text: string) => {
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
    socket.write(text)
    return socket
  }
  const request = (path: string, end = '') => `GET ${path} HTTP/1.1\r\nhost: sharewell\r\n${end}\r\n`
  const last = request('/healthz', 'connection: close\r\n')
  const answersOf = async (text: string) =>
    [...(await readText(send(text)).catch(() => '')).matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status)

  t.same(await answersOf(request('/long') + request('/refused') + last), ['200', '412', '200'], 'in their order')
  t.same(await answersOf(request('/long').repeat(1000) + last), [], 'hundreds end the connection')

  const gone = send(request('/slow').repeat(9))
  while (answering.length === 0) await pause(5)
  const other = readText(send(request('/slow', 'connection: close\r\n')))
  while (answering.length === 1) await pause(5)
  await pause(50)
  t.equal(answering.length, 2, 'one for each connection')
  gone.destroy()
  await pause(50)
  for (const answer of answering.splice(0)) answer()
  t.match(await other, /^HTTP\/1.1 200/)
  await pause(50)
  t.equal(answering.length, 0, 'those that nobody waits for are not begun')
})
