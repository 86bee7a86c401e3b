import { randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { mostHeaderBytes } from '../../src/http/server.ts'
import { mostLinkBytes } from '../../src/interactions/search/paging.ts'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, token } = await fhirWorld({ MAX_BODY_BYTES: '3000000' })
t.teardown(() => server.close())

const post = (url: string, type: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
  send('POST', url, type, payload, headers)

const send = async (
  method: 'POST' | 'PUT' | 'PATCH',
  url: string,
  type: string,
  payload: string | Buffer,
  headers: Record<string, string> = {},
) => {
  const answer = await server.inject({
    method,
    url: `/fhir${url}`,
    headers: { authorization: 'Bearer everything', 'content-type': type, ...headers },
    payload,
  })
  const [issue] = answer.json().issue ?? []
  return `${answer.statusCode} ${issue?.code}: ${issue?.diagnostics}`
}

t.test('the size of a body is its size after decompression', async t => {
  const bomb = Buffer.from(`"${'0'.repeat(30_000_000)}"`)
  const expected = '413 too-long: The body is larger than this server takes: send it in parts'
  const asForm =
    '413 too-long: The form is larger than this server takes, and cannot be sent in parts: ask with fewer values at once'
  for (const [type, url, told] of [
    ['application/fhir+json', '/Patient', expected],
    ['application/fhir+xml', '/Patient', expected],
    ['application/x-www-form-urlencoded', '/Patient/_search', asForm],
  ] as const) {
    t.equal(await post(url, type, gzipSync(bomb), { 'content-encoding': 'gzip' }), told, type)
    t.equal(await post(url, type, deflateSync(bomb), { 'content-encoding': 'deflate' }), told, type)
  }
  t.equal(await post('/Binary', 'image/png', gzipSync(bomb), { 'content-encoding': 'gzip' }), expected)
})

t.test('depth is limited in JSON and in XML', async t => {
  const nested = (depth: number) =>
    `{"resourceType":"Basic","extension":${'[{"url":"u","extension":'.repeat(depth)}[]${'}]'.repeat(depth)}}`
  for (const depth of [20_000, 100_000]) {
    t.match(await post('/Basic', 'application/fhir+json', nested(depth)), /^4(00|22) /, `${depth}`)
    const number = nested(depth).replace('[]', '[1.10]')
    t.match(await post('/Basic', 'application/fhir+json', number), /^4(00|22) /, `${depth}, with a decimal`)
  }
  const xml = `<Basic xmlns="http://hl7.org/fhir">${'<extension url="u">'.repeat(100_000)}`
  t.equal(
    await post('/Basic', 'application/fhir+xml', xml),
    '400 structure: The body is nested more than 500 levels deep',
  )
})

t.test('depth is limited in what changes a resource, too', async t => {
  const [json, patch] = ['application/fhir+json', 'application/json-patch+json']
  t.match(await send('PUT', '/Basic/b', json, '{"resourceType":"Basic","id":"b","code":{"text":"x"}}'), /^201 /)
  const nested = `${'{"url":"u","extension":['.repeat(2000)}{"url":"u"}${']}'.repeat(2000)}`
  const parts = [
    '{"name":"type","valueCode":"add"}',
    '{"name":"path","valueString":"Basic"}',
    '{"name":"name","valueString":"extension"}',
    `{"name":"value","valueExtension":${nested}}`,
  ].join()
  const bodies = [
    ['PATCH', '/Basic/b', patch, `[{"op":"add","path":"/extension","value":[${nested}]}]`],
    ['PATCH', '/Basic/b', patch, `[{"op":"test","path":"/extension","value":[${nested}]}]`],
    ['PATCH', '/Basic/b', json, `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[${parts}]}]}`],
    [
      'POST',
      '/Basic/b/$meta-add',
      json,
      `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x","extension":[${nested}]}]}}]}`,
    ],
  ] as const
  for (const [method, url, type, body] of bodies)
    t.equal(
      await send(method, url, type, body),
      '400 structure: The body is nested more than 500 levels deep',
      body.slice(0, 40),
    )
})

t.test('a patch whose operations nest too deeply together is refused, however deep it becomes', async t => {
  const [json, patch] = ['application/fhir+json', 'application/json-patch+json']
  await send('PUT', '/Basic/c', json, '{"resourceType":"Basic","id":"c","code":{"text":"x"}}')
  const value = JSON.parse(`${'{"a":'.repeat(400)}{}${'}'.repeat(400)}`)
  for (const times of [2, 5, 10, 20, 40, 80]) {
    const operations = Array.from({ length: times }, (_, index) => [
      { op: 'add', path: `/x${index}`, value },
      ...(index === 0 ? [] : [{ op: 'move', from: `/x${index - 1}`, path: `/x${index}${'/a'.repeat(401)}` }]),
    ])
    const answer = await send('PATCH', '/Basic/c', patch, JSON.stringify(operations.flat()))
    t.match(answer, /^4(00|22) /, `${times}: ${answer.slice(0, 100)}`)
  }
})

t.test('a body can have as many values as a person might write', async t => {
  const basic = (list: string, count: number) =>
    `{"resourceType":"Basic","code":{"text":"x"},"z":[${Array(count).fill(list).join()}]}`
  const expected = '413 too-long: The body has more than 375000 values: send it in parts'
  t.equal(await post('/Basic', 'application/fhir+json', basic('{}', 375_000)), expected)
  t.equal(await post('/Basic', 'application/fhir+json', basic('1.10', 375_000)), expected)
  t.match(
    await post('/Basic', 'application/fhir+json', basic('1.10', 370_000)),
    /^400 structure: 'z' is not an element/,
  )
})

t.test('a long body is treated like a short one: its decimals, duplicates and errors', async t => {
  const extensions = Array.from({ length: 10_000 }, (_, index) => ({ url: 'http://x.example', valueInteger: index }))
  const text = `{"resourceType":"Basic","code":{"text":"x"},"extension":${JSON.stringify(extensions)}}`
  const long = text.replace('"valueInteger":7777}', '"valueDecimal":1.10}')
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir/Basic',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: long,
  })
  t.equal(answer.statusCode, 201)
  t.ok(answer.payload.includes('"valueDecimal":1.10}'))
  t.same(answer.json().extension, JSON.parse(long).extension)
  const twice = await server.inject({
    method: 'POST',
    url: '/fhir/Basic',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: text.replace('"valueInteger":7777}', '"valueInteger":1,"url":"u"}'),
  })
  t.equal(twice.statusCode, 400)
  t.same(twice.json().issue[0].expression, ['Basic.extension[7777].url'])
  t.match(await post('/Basic', 'application/fhir+json', `${text}]`), /^400 structure: The body is not JSON at position/)
})

t.test('a search that asks too many questions is refused', async t => {
  const form = 'application/x-www-form-urlencoded'
  const list = (count: number) => Array.from({ length: count }, (_, index) => `a${index}`).join(',')
  t.match(await post('/Patient/_search', form, `_id=${list(2000)}`), /^200/)
  t.equal(
    await post('/Patient/_search', form, `identifier=${list(10_000)}`),
    '400 too-costly: A search has at most 2000 values, not 10000: ask in parts',
  )
  t.equal(
    await post('/Patient/_search', form, 'active=true&'.repeat(101)),
    '400 too-costly: A search has at most 100 parameters, not 101',
  )
  t.equal(
    await post('/Patient/_search', form, '_include=Patient:organization&'.repeat(401)),
    '400 too-costly: A search has at most 400 _include and _revinclude, not 401',
  )
  // From each of these PostgreSQL would make a query that takes minutes, or more memory than it has.
  for (const text of ['a$', '"a" ', 'a -', 'a or ', 'a" '])
    for (const name of ['_content', '_text']) {
      const asked = (times: number) => new URLSearchParams({ [name]: text.repeat(times) }).toString()
      const { length } = text
      t.match(await post('/Patient/_search', form, asked(Math.floor(2000 / length))), /^200/, `${name} ${text}`)
      t.equal(
        await post('/Patient/_search', form, asked(100_000)),
        `400 too-costly: A text to look for has at most 2000 characters, not ${100_000 * length}`,
      )
    }
  for (const name of [`${'general-practitioner.'.repeat(500)}name`, `${'_has:Observation:patient:'.repeat(500)}code`]) {
    t.equal(
      await post('/Patient/_search', form, `${name}=x`),
      '400 too-costly: A parameter leads through at most 20 references',
    )
  }
  t.equal(
    await post('/Patient/_search', form, `${'link:Patient.'.repeat(20)}name=x&`.repeat(26)),
    '400 too-costly: A search leads through at most 500 references in all: ask in parts',
  )
  t.equal(
    await post('/Patient/_search', form, '_filter=active eq true&'.repeat(11)),
    '400 too-costly: A search has at most 10 _filter, not 11',
  )
  t.equal(
    await post('/Patient/_search', form, `name=${'x'.repeat(1_100_000)}`),
    '413 too-long: The form is larger than this server takes, and cannot be sent in parts: ask with fewer values at once',
  )
})

t.test('as many values as a search may have are compared soon, in one parameter and in many', async t => {
  const form = 'application/x-www-form-urlencoded'
  const most =
    '1000 dates, 500 texts (50 in all `_filter` together), 250 composites, 100 quantities, or as much of several'
  const refusal = `400 too-costly: A search compares with at most ${most}: ask in parts, and name the types of references, as in Patient/1`
  const limits = [
    ['Patient', 'birthdate', 'ge2020', 1000],
    ['Patient', 'name', 'a', 500],
    ['Observation', 'code-value-quantity', 'a$1', 250],
    ['Observation', 'value-quantity', '7', 100],
    ['Observation', 'subject:identifier', 'a|b', 83],
  ] as const
  for (const [type, name, value, limit] of limits) {
    const list = (count: number) => `${name}=${Array(count).fill(value).join(',')}`
    t.equal(await post(`/${type}/_search`, form, list(limit + 1)), refusal, name)
    t.match(await post(`/${type}/_search`, form, list(limit)), /^200/, name)
    // PostgreSQL looked for the best order of so many joins until it was stopped.
    t.match(await post(`/${type}/_search`, form, `${name}=${value}&`.repeat(Math.min(limit, 100))), /^200/, name)
  }
  const differs = Array(50).fill('category ne a').join(' and ')
  t.match(await post('/Observation/_search', form, `_filter=${differs}&_filter=${differs}`), /^200/)
  t.equal(await post('/Observation/_search', form, `_filter=${differs}&`.repeat(3)), refusal)
  const parts = Array(25).fill('agent-name co zq').join(' or ')
  t.match(await post('/AuditEvent/_search', form, `_filter=${parts}&_filter=${parts}`), /^200/)
  t.equal(await post('/AuditEvent/_search', form, `_filter=${parts}&`.repeat(3)), refusal)
})

t.test('a chain that leaves its types open counts for each of them, in the whole search', async t => {
  const form = 'application/x-www-form-urlencoded'
  const open = (count: number) => 'target._lastUpdated=gt2020&'.repeat(count)
  const refused = /^400 too-costly: A search leads through at most 500 references in all, each counted for every type/
  t.match(await post('/Provenance/_search', form, open(3)), /^200/)
  t.match(await post('/Provenance/_search', form, open(100)), refused)
  const filter = Array(50).fill('target._lastUpdated gt 2020').join(' or ')
  t.match(await post('/Provenance/_search', form, `_filter=${filter}`), refused)
  const types = 'CarePlan,ChargeItem,ClinicalImpression,Condition,DiagnosticReport,Encounter,Flag,Media,Observation'
  const several = `_type=${types}&${'subject._lastUpdated=gt2020&'.repeat(90)}`
  t.match(await post('/_search', form, several), refused, 'also of several types together')
})

t.test('an _include is followed once, however often it is repeated', async t => {
  const form = 'application/x-www-form-urlencoded'
  const many = (text: string) => `${text}&`.repeat(90)
  t.match(await post('/Patient/_search', form, many('_revinclude:iterate=*')), /^200/)
  t.match(await post('/Patient/_search', form, many('_include=Patient:*')), /^200/)
})

t.test('criteria of conditional requests and searches in a Bundle are limited as well', async t => {
  const many = `identifier=${'x,'.repeat(3000)}x`
  const basic = '{"resourceType":"Basic","code":{"text":"x"}}'
  t.match(await post('/Basic', 'application/json', basic, { 'if-none-exist': many }), /^400 too-costly/)
  const entry = [{ request: { method: 'GET', url: `Patient?${many}` } }]
  const bundle = JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry })
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/json' },
    payload: bundle,
  })
  t.match(answer.json().entry[0].response, { status: '400 Bad Request', outcome: { issue: [{ code: 'too-costly' }] } })
})

t.test('a Bundle has a maximum number of entries', async t => {
  const bundle = (type: string, count: number) =>
    JSON.stringify({ resourceType: 'Bundle', type, entry: Array(count).fill(0) })
  for (const type of ['batch', 'transaction'])
    t.equal(
      await post('', 'application/fhir+json', bundle(type, 50_001)),
      '400 too-costly: A Bundle has at most 50000 entries, not 50001: send it in parts',
    )
  t.match(
    await post('', 'application/fhir+json', bundle('transaction', 50_000)),
    /^400 structure: An entry is an object/,
  )
})

t.test('a URL that is longer than all headers may be is refused before anything is read', async t => {
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/fhir/Patient?name=${'x'.repeat(70_000)}`)
  t.equal(answer.status, 431)
  t.match(await answer.json(), { resourceType: 'OperationOutcome', issue: [{ code: 'too-long' }] })
  t.equal((await fetch(`http://127.0.0.1:${port}/fhir/Patient?name=${'x'.repeat(30_000)}`)).status, 401)
})

t.test(
  'a search that names two thousand ids continues by its links, and one with links too long to follow is refused',
  async t => {
    const { port } = server.server.address() as AddressInfo
    const json = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
    const ids = Array.from({ length: 1999 }, () => randomUUID())
    const patients = ids.slice(-3).map(id => ({
      resource: { resourceType: 'Patient', id, identifier: [{ system: 'urn:many', value: id }] },
      request: { method: 'PUT', url: `Patient/${id}` },
    }))
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry: patients }
    t.equal((await server.inject({ method: 'POST', url: '/fhir', headers: json, payload: bundle })).statusCode, 200)
    const authorization = `Bearer ${await token({ subject: { kind: 'client' }, client: 'importer', scope: 'system/*.cruds', policies: ['everything'] })}`
    const base = `http://127.0.0.1:${port}/fhir/Patient`
    const search = (form: Record<string, string>) =>
      fetch(`${base}/_search`, { method: 'POST', headers: { authorization }, body: new URLSearchParams(form) })
    type Page = {
      readonly entry: readonly { readonly resource: { readonly id: string } }[]
      readonly link: readonly Link[]
    }
    type Link = { readonly relation: string; readonly url: string }
    const found: string[] = []
    let page = (await (await search({ _id: ids.join(), _count: '1' })).json()) as Page
    for (;;) {
      found.push(...page.entry.map(({ resource }) => resource.id))
      const next = page.link.find(({ relation }) => relation === 'next')
      if (next === undefined) break
      const answer = await fetch(`${base}?${new URL(next.url).searchParams}`, { headers: { authorization } })
      t.equal(answer.status, 200)
      page = (await answer.json()) as Page
    }
    t.strictSame(found.sort(), ids.slice(-3).sort())

    const long = ids
      .map(id => `urn:many|${id},urn:${randomBytes(40).toString('hex')}|x`)
      .slice(-900)
      .join()
    const refused = await search({ identifier: long, _count: '1' })
    t.equal(refused.status, 400)
    t.match(await refused.json(), {
      issue: [{ code: 'too-costly', diagnostics: /^There are further pages, and a link to them .* at most 61440\. / }],
    })
    const whole = (await (await search({ identifier: long })).json()) as Page
    t.equal(whole.entry.length, 3, 'on one page it is answered')
    t.ok(mostLinkBytes < mostHeaderBytes)
  },
)
