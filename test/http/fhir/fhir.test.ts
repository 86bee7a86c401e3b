import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())
const authorization = 'Bearer everything'
const call = (
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD',
  url: string,
  headers: object = {},
  payload?: string | Buffer,
) =>
  server.inject({ method, url, headers: { authorization, ...headers }, ...(payload === undefined ? {} : { payload }) })

t.test('without a valid token the only answer is 401', async t => {
  const none = await server.inject({ url: '/fhir/Patient' })
  t.equal(none.statusCode, 401)
  t.equal(none.headers['www-authenticate'], 'Bearer realm="fhir"')
  t.match(none.json(), { resourceType: 'OperationOutcome', issue: [{ code: 'login' }] })
  const bad = await server.inject({ url: '/fhir/Patient', headers: { authorization: 'Bearer nobody' } })
  t.equal(bad.statusCode, 401)
  t.equal(bad.headers['www-authenticate'], 'Bearer realm="fhir", error="invalid_token"')
  const basic = await server.inject({ url: '/fhir/Patient', headers: { authorization: 'Basic YW5uOmNhc3RpbGxv' } })
  t.equal(basic.statusCode, 401)
  t.equal(basic.headers['www-authenticate'], 'Bearer realm="fhir"', 'there was no token that could be wrong')
  t.equal(basic.json().issue[0].diagnostics, 'A bearer token is needed')
  t.equal((await server.inject({ url: '/fhir/Patient?access_token=everything' })).statusCode, 401)
  t.equal((await server.inject({ url: '/fhir/nothing/here/at/all' })).statusCode, 401)
  t.equal((await server.inject({ method: 'POST', url: '/fhir', payload: 'x' })).statusCode, 401)
})

t.test('metadata and smart-configuration are public', async t => {
  for (const url of ['/metadata', '/fhir/metadata', '/fhir/metadata/', '/fhir/.well-known/smart-configuration']) {
    t.equal((await server.inject({ url })).statusCode, 200)
  }
})

t.test('a client that has the CapabilityStatement already is told that it is unchanged', async t => {
  for (const url of ['/fhir/metadata', '/metadata?_format=xml']) {
    const { etag = '', vary } = (await server.inject({ url })).headers
    t.match(etag, /^W\/"[\w-]+"$/)
    t.equal(vary, 'Origin, Accept')
    for (const known of [etag, `"other", ${etag}`, '*']) {
      const again = await server.inject({ url, headers: { 'if-none-match': known } })
      t.strictSame(
        [again.statusCode, again.body, again.headers.etag, again.headers.vary],
        [304, '', etag, 'Origin, Accept'],
        known,
      )
    }
    t.equal((await server.inject({ url, headers: { 'if-none-match': '"other"' } })).statusCode, 200)
  }
})

t.test('a missing body is refused with the formats that it may have', async t => {
  for (const type of ['application/fhir+json', 'application/fhir+xml']) {
    const answer = await call('POST', '/fhir/Patient', { 'content-type': type }, '')
    t.strictSame(
      [answer.statusCode, answer.json().issue[0].diagnostics],
      [400, "There is no body, where Patient is expected, as FHIR's JSON or XML"],
    )
  }
})

t.test('what a token does not cover is answered with 403 and the scope that it needs', async t => {
  const headers = { authorization: 'Bearer reader' }
  const answer = await call('GET', '/fhir/Observation/1', headers)
  t.equal(answer.statusCode, 403)
  t.match(answer.json().issue[0], { code: 'forbidden', diagnostics: /system\/Observation\.r/ })
  const challenge = 'Bearer realm="fhir", error="insufficient_scope", scope="system/Observation.r"'
  t.equal(answer.headers['www-authenticate'], challenge)
  t.equal((await call('GET', '/fhir/Patient', headers)).statusCode, 403, 'r is not s')
})

t.test('a duplicate property is refused with its place, and nothing is written', async t => {
  const headers = { 'content-type': 'application/fhir+json' }
  const twice = '{"resourceType":"Patient","name":[{"family":"A"},{"family":"B","given":["C"],"family":"D"}]}'
  const entry = `{"request":{"method":"POST","url":"Patient"},"resource":${twice}}`
  for (const [url, payload, expression] of [
    ['/fhir/Patient', twice, 'Patient.name[1].family'],
    ['/fhir/Patient/$validate', twice, 'Patient.name[1].family'],
    ['/fhir', `{"resourceType":"Bundle","type":"batch","entry":[${entry}]}`, 'Bundle.entry[0].resource.name[1].family'],
  ] as const) {
    const answer = await call('POST', url, headers, payload)
    t.same(
      [answer.statusCode, answer.json().issue],
      [
        400,
        [
          {
            severity: 'error',
            code: 'structure',
            diagnostics: 'A property stands twice; each stands once in its object',
            expression: [expression],
          },
        ],
      ],
    )
  }
  t.equal((await call('GET', '/fhir/Patient?family=D&_summary=count')).json().total, 0)
})

t.test('unknown types and paths are 404, unknown methods 405 with those that are allowed', async t => {
  const unknown = await call('GET', '/fhir/Thing/1')
  t.equal(unknown.statusCode, 404)
  t.match(unknown.json().issue[0].diagnostics, /Thing/)
  for (const url of ['/fhir/Patient/1/Location', '/fhir/Patient/$nothing', '/fhir/$export', '/fhir/Patient/a_b']) {
    t.equal((await call('GET', url)).statusCode, 404, url)
  }
  const noId = await call('PUT', '/fhir/Patient/a_b', { 'content-type': 'application/fhir+json' }, '{}')
  t.equal(noId.json().issue[0].diagnostics, 'There is nothing at /Patient/a_b: an id is 1 to 64 of A-Z a-z 0-9 - .')
  const rows = [
    ['POST', '/fhir/Patient/1', 'GET, HEAD, PUT, PATCH, DELETE'],
    ['PUT', '/fhir', 'GET, HEAD, POST'],
    ['GET', '/fhir/Patient/_search', 'POST'],
    ['POST', '/fhir/Patient/1/_history', 'GET, HEAD'],
  ] as const
  for (const [method, url, allow] of rows) {
    const answer = await call(method, url)
    t.match([answer.statusCode, answer.headers.allow], [405, allow], `${method} ${url}`)
  }
  const noType = await call('POST', '/fhir/Thing/1')
  t.strictSame([noType.statusCode, noType.headers.allow], [404, undefined])
})

t.test('other methods at public addresses are 405 for everybody', async t => {
  for (const url of [
    '/metadata',
    '/fhir/metadata',
    '/fhir/metadata/',
    '/fhir/.well-known/smart-configuration',
    '/openapi.json',
    '/FHIR/R5/metadata',
    '/FHIR/R5/.well-known/smart-configuration',
    '/healthz',
    '/readyz',
  ])
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      const { statusCode, headers, json } = await server.inject({ method, url, payload: '{', headers: xml })
      t.strictSame([statusCode, headers.allow], [405, 'GET, HEAD'], `${method} ${url}`)
      t.match(json(), { resourceType: 'OperationOutcome', issue: [{ code: 'not-supported' }] })
    }
  for (const url of ['/.well-known/oauth-authorization-server/oauth', '/.well-known/openid-configuration/oauth']) {
    const oauth = await server.inject({ method: 'POST', url })
    t.match([oauth.statusCode, oauth.headers.allow], [405, 'GET, HEAD, OPTIONS'], url)
  }
  const authorize = await server.inject({ method: 'PUT', url: '/oauth/authorize', headers: { accept: 'text/html' } })
  t.match(
    [authorize.statusCode, authorize.headers.allow, authorize.json()],
    [405, 'GET, POST', { error_description: 'PUT is not answered here; accepted: GET, POST' }],
    'nobody comes with a browser like that',
  )
  t.equal((await server.inject({ method: 'POST', url: '/fhir/Patient/_search/x' })).statusCode, 401)
  t.equal((await server.inject({ method: 'DELETE', url: '/fhir/Patient/_search' })).statusCode, 401)
})

t.test('OPTIONS says what a path takes, to a browser that asks for leave as to anybody else', async t => {
  const asked = { origin: 'https://app.example.org', 'access-control-request-method': 'PUT' }
  const taken = async (url: string, headers = {}) => {
    const answer = await server.inject({ method: 'OPTIONS', url, headers })
    t.equal(answer.statusCode, 204, url)
    return answer.headers.allow
  }
  t.equal(await taken('/fhir/Patient/1'), 'GET, HEAD, PUT, PATCH, DELETE')
  t.equal(await taken('/fhir/Patient/1?_pretty=true', asked), 'GET, HEAD, PUT, PATCH, DELETE')
  t.equal(await taken('/fhir/Observation/$lastn'), 'GET, HEAD, POST')
  for (const base of ['/fhir', '/fhir/']) t.equal(await taken(base), 'GET, HEAD, POST', base)
  t.equal(await taken('/fhir/Observation/_search'), 'POST')
  for (const url of ['/fhir/metadata', '/openapi.json', '/api/v1/patients', '/system/events'])
    t.equal(await taken(url), 'GET, HEAD', url)
  t.equal(await taken('/sign-in'), 'GET, HEAD, POST')
  t.equal(await taken('/omh/v1/dataPoints/1'), 'GET, HEAD, DELETE')
  for (const url of ['/fhir/Nothing/1', '/nothing', '/fhir/Patient/1/2/3']) t.equal(await taken(url), undefined, url)
})

/** The content does not even matter. */
const xml = { 'content-type': 'application/fhir+xml' }

t.test('an Observation without a subject is refused for that, and the refusal says how it is written', async t => {
  const asJson = { 'content-type': 'application/fhir+json' }
  const { id } = (await call('POST', '/fhir/Patient', asJson, '{"resourceType":"Patient"}')).json()
  const bearer = await token({ subject: { kind: 'patient', patient: id }, scope: 'patient/Observation.c' })
  const said = async (subject?: object) => {
    const observation = { resourceType: 'Observation', status: 'final', code: { coding: [{ code: 'x' }] }, subject }
    const headers = { ...asJson, authorization: `Bearer ${bearer}` }
    const answer = await call('POST', '/fhir/Observation', headers, JSON.stringify(observation))
    t.match(answer, { statusCode: 403, headers: { 'www-authenticate': undefined } })
    const [{ expression, diagnostics }] = answer.json().issue
    return [expression[0], /\. Its (subject.*)$/.exec(diagnostics)?.[1]]
  }
  const rule = 'subject.reference is Patient/ and the id, and'
  t.same(await said({ reference: 'Group/1' }), ['Observation.subject', `${rule} not "Group/1"`])
  t.same(await said({ display: 'me' }), ['Observation.subject', `${rule} there is none`])
  t.same(await said(), ['Observation.subject', `${rule} there is none`])
  t.same(
    await said({ reference: `Patient/${id}` }),
    ['Observation.code', undefined],
    'what else is wrong is not the subject',
  )
})

t.test('an operation that is requested in the wrong place is answered with where it is', async t => {
  const rows = [
    ['$cgm-summary', '/Observation/$cgm-summary'],
    ['Observation/1/$cgm-summary', '/Observation/$cgm-summary'],
    ['Patient/$cgm-summary', '/Observation/$cgm-summary'],
    ['Observation/$everything', '/Group/[id]/$everything, /Patient/$everything, /Patient/[id]/$everything'],
    ['Patient/$meta-add', '/[type]/[id]/$meta-add'],
  ] as const
  for (const [path, places] of rows) {
    const answer = await call('GET', `/fhir/${path}`)
    const diagnostics = `There is nothing at /${path}: ${path.slice(path.indexOf('$'))} is at ${places}`
    t.match([answer.statusCode, answer.json().issue[0]], [404, { code: 'not-found', diagnostics }], path)
  }
})

t.test('an operation that there is not is answered with those that stand in its place', async t => {
  const rows = [
    ['Patient/$nothing', /^There is nothing at \/Patient\/\$nothing: there are \$everything, .*\$validate/],
    ['Patient/1/$summary', /^There is nothing at \/Patient\/1\/\$summary: there are \$everything, /],
    ['Observation/$summary', /: there are \$cgm-summary, .*\$daily-summary, .*\$lastn, /],
    ['a/b/c/d/$nothing', /^There is nothing at \/a\/b\/c\/d\/\$nothing$/],
  ] as const
  for (const [path, diagnostics] of rows)
    t.match((await call('GET', `/fhir/${path}`)).json().issue[0].diagnostics, diagnostics, path)
})

t.test('a path means the same however much of it is percent-encoded', async t => {
  const payload = '{"resourceType":"Patient","id":"spelled"}'
  const asJson = { 'content-type': 'application/fhir+json' }
  t.equal((await call('PUT', '/fhir/Patient/sp%65lled', asJson, payload)).statusCode, 201)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const rows = [
    ['GET', 'Patient/spelled/$everything', '/fhir/Patient/spelled/%24everything'],
    ['GET', 'Patient/spelled', '/%66hir/%50atient/%73%70%65%6c%6C%65d'],
    ['GET', 'Patient/spelled/_history/1', '/fhir/Patient/spelled/%5Fhistory/%31'],
    ['GET', 'Patient/_history', '/fhir/Patient/%5fhistory'],
    ['GET', 'Patient/spelled/*', '/fhir/Patient/spelled/%2A'],
    ['POST', 'Patient/_search', '/fhir/Patient/%5Fsearch', form, '_id=spelled'],
    ['GET', 'Patient/$nothing', '/fhir/Patient/%24nothing'],
    ['GET', 'Patient/$meta-add', '/fhir/Patient/%24meta%2Dadd'],
    ['PUT', 'Patient/_search', '/fhir/Patient/%5Fsearch', asJson, '{}'],
  ] as const
  for (const [method, plain, encoded, headers, body] of rows) {
    const [expected, answer] = [
      await call(method, `/fhir/${plain}`, headers, body),
      await call(method, encoded, headers, body),
    ]
    const timeless = (text: string) => text.replace(/"(timestamp|lastUpdated)":"[^"]+"|_cursor=[^"]+/g, '')
    t.same(
      [answer.statusCode, timeless(answer.body), answer.headers.allow],
      [expected.statusCode, timeless(expected.body), expected.headers.allow],
      encoded,
    )
  }
})

t.test('an operation is recorded with one name, however its path is written', async t => {
  const recordedAt = async (path: string) => {
    const { last } = await database.one<{ last: string }>(
      sql.fragment`SELECT coalesce(max(id), 0)::text AS last FROM audit_record`,
    )
    t.equal((await call('GET', `/fhir/${path}`)).statusCode, 200, path)
    return database.any(sql.fragment`
      SELECT operation, interaction, type, resource, outcome FROM audit_record WHERE id > ${last}::bigint ORDER BY id`)
  }
  const recorded = await recordedAt('Patient/spelled/$everything')
  t.match(recorded[0], { operation: '$everything' })
  t.same(await recordedAt('Patient/sp%65lled/%24every%74hing'), recorded)
})

t.test('an encoded slash does not separate a path, and what is malformed is reported as such', async t => {
  const rows = [
    ['/fhir/Patient%2Fspelled', 404, 'There is nothing at /Patient%2Fspelled'],
    [
      '/fhir/Patient/spelled%2f_history',
      404,
      'There is nothing at /Patient/spelled%2F_history: an id is 1 to 64 of A-Z a-z 0-9 - .',
    ],
    ['/fhir/Patient/a%00', 404, 'There is nothing at /Patient/a%00: an id is 1 to 64 of A-Z a-z 0-9 - .'],
    ['/fhir/Patient/a%3F_id=b', 404, 'There is nothing at /Patient/a%3F_id=b: an id is 1 to 64 of A-Z a-z 0-9 - .'],
    [
      '/fhir/Patient/%2524everything',
      404,
      'There is nothing at /Patient/%2524everything: an id is 1 to 64 of A-Z a-z 0-9 - .',
    ],
    ['/fhir/Patient/%zz', 400, 'The URL is not well-formed'],
    ['/fhir/Patient/%ff', 400, 'The URL is not well-formed'],
  ] as const
  for (const [url, status, diagnostics] of rows) {
    const answer = await call('GET', url)
    t.match([answer.statusCode, answer.json().issue[0].diagnostics], [status, diagnostics], url)
  }
})

t.test('types that FHIR does not have are neither served nor accepted', async t => {
  const status = async (accept: string) => (await call('GET', '/fhir/Patient', { accept })).statusCode
  t.equal(await status('text/html, */*;q=0.1'), 200)
  t.equal(await status('text/html'), 406)
  const sent = (type: string) => call('POST', '/fhir/Patient', { 'content-type': type }, '{"resourceType":"Patient"}')
  t.equal((await sent('application/json; charset=utf-8')).statusCode, 201)
  t.equal((await sent('application/fhir+json; fhirVersion=4.0')).statusCode, 201)
  const other = ['application/fhir+json; fhirVersion=5.0', 'application/fhir+json; fhirVersion =5.0']
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', ...other])
    t.equal((await sent(type)).statusCode, 415, type)
})

t.test('a search by POST that is no form is told to send one', async t => {
  const refused = ['text/plain', 'multipart/form-data; boundary=x', 'application/fhir+json']
  for (const url of ['/fhir/Patient/_search', '/fhir/_search', '/fhir/Patient/x/Observation/_search?_count=1'])
    for (const type of refused) {
      const answer = await call('POST', url, { 'content-type': type }, '{}')
      t.equal(answer.statusCode, 415, `${url} ${type}`)
      t.match(answer.json().issue[0].diagnostics, / is not taken here; send application\/x-www-form-urlencoded$/)
    }
})

t.test('a patch of another kind is refused with the accepted kinds', async t => {
  const answer = await call('PATCH', '/fhir/Patient/x', { 'content-type': 'application/merge-patch+json' }, '{}')
  t.equal(answer.headers['accept-patch'], 'application/json-patch+json, application/fhir+json, application/fhir+xml')
  t.match(
    [answer.statusCode, answer.json().issue[0].diagnostics],
    [
      415,
      'application/merge-patch+json is not taken here; send application/json-patch+json, application/fhir+json or application/fhir+xml',
    ],
  )
})

t.test('a patch is taken by PATCH alone, however its type is written', async t => {
  for (const type of ['application/json-patch+json', 'Application/JSON-Patch+JSON', 'application/json-patch+json ;x=y'])
    t.equal(
      (await call('POST', '/fhir/Patient', { 'content-type': type }, '{"resourceType":"Patient"}')).statusCode,
      415,
    )
})

t.test('what is not UTF-8 is refused, and never stored with other letters than were sent', async t => {
  const body = (family: string) => `{"resourceType":"Patient","name":[{"family":"${family}"}]}`
  const sent = async (type: string, payload: Buffer, url = '/fhir/Patient') => {
    const answer = await call('POST', url, { 'content-type': type }, payload)
    return [answer.statusCode, answer.json().name?.[0].family ?? answer.json().issue[0].diagnostics]
  }
  const latin1 = Buffer.from(body('Müller'), 'latin1')
  t.same(await sent('application/fhir+json', latin1), [400, 'The body is not UTF-8'])
  const refused = [415, 'Text in iso-8859-1 is not taken here; send UTF-8']
  t.same(await sent('application/json; charset=iso-8859-1', latin1), refused)
  for (const likeAscii of ['iso-8859-1', 'cp1252', 'ANSI_X3.4-1968', 'shift_jis', "'utf-8'"])
    t.same(
      await sent(`application/json; charset=${likeAscii}`, Buffer.from(body('Muller'))),
      [201, 'Muller'],
      likeAscii,
    )
  const form = 'application/x-www-form-urlencoded'
  for (const [payload, type] of [
    [Buffer.from(body('Muller'), 'utf16le'), 'application/json; charset=UTF-16'],
    [Buffer.from('name=Muller'), `${form}; charset=UTF-16`],
    [Buffer.from(body('Muller')), 'application/json; charset=IBM037'],
  ] as const) {
    const url = type.startsWith(form) ? '/fhir/Patient/_search' : '/fhir/Patient'
    t.same(await sent(type, payload, url), [415, `Text in ${type.split('=')[1]} is not taken here; send UTF-8`], type)
  }
  t.same(await sent(form, Buffer.from('name=Müller', 'latin1'), '/fhir/Patient/_search'), [
    400,
    'The body is not UTF-8',
  ])
  t.same(
    await sent('application/json;charset=UTF-8', Buffer.from(`\uFEFF${body('Müller')}`)),
    [201, 'Müller'],
    'after a mark',
  )
})

t.test('HEAD answers as GET does, without the body', async t => {
  const answer = await call('HEAD', '/fhir/Patient')
  t.same([answer.statusCode, answer.body], [200, ''])
})

t.test('a long page is streamed whole', async t => {
  const text = 'x'.repeat(1000)
  const entry = Array.from({ length: 300 }, () => ({
    resource: { resourceType: 'Patient', name: [{ text }] },
    request: { method: 'POST', url: 'Patient' },
  }))
  const payload = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry })
  await call('POST', '/fhir', { 'content-type': 'application/json' }, payload)
  const answer = await call('GET', '/fhir/Patient?_count=1000')
  t.equal(answer.headers['content-length'], undefined)
  t.ok(answer.json().entry.length >= 300)
})

t.test('a server whose database was migrated by a newer version says that it has to be restarted', async t => {
  t.same((await server.inject('/readyz')).json(), { status: 'ready' })
  await database.run(sql.fragment`ALTER TABLE patient RENAME COLUMN last_updated TO changed`)
  await database.run(sql.fragment`INSERT INTO migration (number, name, checksum) VALUES (9999, '9999-newer.sql', '')`)
  for (const [method, url] of [
    ['GET', '/fhir/Patient'],
    ['GET', '/fhir/Patient/spelled'],
    ['POST', '/fhir/Patient'],
  ] as const) {
    const answer = await call(method, url, { 'content-type': 'application/json' }, '{"resourceType":"Patient"}')
    t.match([answer.statusCode, answer.headers['retry-after'], answer.json().issue], [503, '2', [migrated]], url)
  }
  t.equal((await server.inject('/readyz')).statusCode, 503)
  t.equal((await server.inject('/healthz')).statusCode, 200)
})

const migrated = {
  code: 'transient',
  diagnostics: 'The database was migrated by a newer version; this server has to be restarted',
}
