import t from 'tap'
import { parseJson } from '../../src/fhir/json.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openXml } from '../../src/fhir/xml/xml.ts'
import { presentationOf } from '../../src/http/fhir/media-type.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const xml = openXml(loadRegistry().structures)

const call = (
  method: 'GET' | 'POST' | 'PUT' | 'HEAD',
  url: string,
  headers: Record<string, string> = {},
  payload?: string,
) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: 'Bearer everything', ...headers },
    ...(payload === undefined ? {} : { payload }),
  })

const asXml = { accept: 'application/fhir+xml' }
const sendXml = { 'content-type': 'application/fhir+xml' }
const xmlType = 'application/fhir+xml; charset=utf-8'
const withoutMeta = (text: string) => text.replace(/<meta>.*?<\/meta>/g, '').replace(/<id value="[^"]*"\/>/g, '<id/>')

t.test('the format is the best of the accepted ones', t => {
  const rows = [
    ['', 'json'],
    ['*/*', 'json'],
    ['application/*', 'json'],
    ['application/fhir+xml', 'xml'],
    ['application/fhir+xml; charset=utf-8; fhirVersion=4.0', 'xml'],
    ['application/fhir+xml; fhirVersion=3.0', undefined],
    ['application/fhir+xml; fhirVersion = 3.0', undefined],
    ['application/fhir+xml; fhirVersion ="4.0"', 'xml'],
    ['application/fhir+xml; q = 0.5, application/fhir+json', 'json'],
    ['application/fhir+json;q=0.5, application/fhir+xml', 'xml'],
    ['application/fhir+xml;q=0.5, application/json;q=0.6', 'json'],
    ['application/fhir+xml, application/fhir+json', 'xml'],
    ['application/fhir+json, application/fhir+xml', 'json'],
    ['text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8', 'xml'],
    ['application/fhir+json;q=0, application/json;q=0, text/xml', 'xml'],
    ['application/fhir+xml;q=0, */*', 'json'],
    ['application/json;q=0.1, application/fhir+json, application/fhir+xml;q=0.5', 'json'],
    ['application/fhir+json, application/json;q=0.1, application/fhir+xml;q=0.5', 'json'],
    ['text/xml;q=0.2, application/fhir+xml, application/fhir+json;q=0.5', 'xml'],
    ['application/json;q=0, application/fhir+json', 'json'],
    ['application/fhir+json;q=0, application/json', undefined],
    ['text/json, application/fhir+json;q=0, text/xml;q=0.1', 'xml'],
    ['application/fhir+json;q=0;fhirVersion=3.0, application/json', 'json'],
    ['application/*;q=0.1, application/fhir+json;q=0.2, application/fhir+xml;q=0.3', 'xml'],
    ['application/fhir+xml;q=nonsense', undefined],
    ['text/html', undefined],
    ['application/fhir+turtle', undefined],
  ] as const
  for (const [accept, expected] of rows)
    t.equal(presentationOf(accept, new URLSearchParams())?.format, expected, accept)
  const formats = [
    ['json', 'json'],
    ['xml', 'xml'],
    ['text/xml', 'xml'],
    ['application/fhir xml', 'xml'],
    ['application/fhir+json;fhirVersion=4.0', 'json'],
    ['application/fhir+json; fhirVersion=4.0.1', 'json'],
    ['ttl', undefined],
    ['', undefined],
  ] as const
  for (const [_format, expected] of formats) {
    t.equal(presentationOf('application/fhir+xml', new URLSearchParams({ _format }))?.format, expected, _format)
  }
  t.end()
})

t.test('a resource can be sent and read as XML, and is the same resource', async t => {
  const body =
    '<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="a"/></code>' +
    '<valueQuantity><value value="1.10"/></valueQuantity></Observation>'
  const created = await call('POST', 'Observation', { ...sendXml, ...asXml }, body)
  t.match([created.statusCode, created.headers['content-type']], [201, xmlType])
  const path = String(created.headers.location).replace(/^.*\/fhir\/(.*)\/_history.*/, '$1')
  const json = await call('GET', path)
  t.match(json.body, /"value": ?1\.10\b/)
  const read = await call('GET', path, { accept: 'text/xml' })
  t.match([read.statusCode, read.headers['content-type'], read.headers.etag], [200, xmlType, 'W/"1"'])
  t.equal(read.body, created.body)
  t.equal(withoutMeta(read.body), `<?xml version="1.0" encoding="UTF-8"?>\n${body.replace('<status', '<id/><status')}`)
  const updated = await call('PUT', path, { ...sendXml, ...asXml }, read.body.replace('1.10', '1.100'))
  t.equal(updated.statusCode, 200)
  t.match((await call('GET', path)).body, /"value": ?1\.100\b/)
  t.equal((await call('HEAD', path, asXml)).headers['content-type'], xmlType)
})

t.test('Bundles go both ways as XML, entry by entry', async t => {
  const entry = (text: string) =>
    `<entry><resource><Basic><code><text value="${text}"/></code></Basic></resource>` +
    '<request><method value="POST"/><url value="Basic"/></request></entry>'
  const bundle = `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>${entry('a')}${entry('b')}</Bundle>`
  const answer = await call('POST', '', { ...sendXml, ...asXml }, bundle)
  t.equal(answer.statusCode, 200)
  t.match(await xml.parse(answer.body), {
    type: 'transaction-response',
    entry: [{ response: { status: '201 Created' } }, { response: { status: '201 Created' } }],
  })
  for (const url of [
    'Basic?_total=accurate',
    'Basic?_count=1',
    'Basic?_count=0',
    'Basic?code=none',
    'Basic?_pretty=true',
  ]) {
    const [json, found] = [await call('GET', url), await call('GET', url, asXml)]
    t.equal(found.headers['content-type'], xmlType)
    const cursors = (text: string) => text.replace(/_cursor=[^"]*/g, '_cursor=')
    t.same(parseJson(cursors(JSON.stringify(await xml.parse(found.body)))), parseJson(cursors(json.body)), url)
  }
})

t.test('a long resource is the same in each format, alone and in a Bundle', async t => {
  const extension = Array.from({ length: 20_000 }, (_, index) => ({ url: 'http://x.example', valueInteger: index }))
  const long = { resourceType: 'Basic', code: { text: 'long' }, extension }
  const made = await call('POST', 'Basic', { 'content-type': 'application/fhir+json' }, JSON.stringify(long))
  t.equal(made.statusCode, 201)
  const { id } = made.json()
  const plain = await call('GET', `Basic/${id}`)
  t.same(plain.json().extension, extension)
  t.same(await xml.parse((await call('GET', `Basic/${id}`, asXml)).body), plain.json())
  t.same(await xml.parse((await call('GET', `Basic/${id}?_pretty=true`, asXml)).body), plain.json())
  t.equal((await call('GET', `Basic/${id}?_pretty=true`)).body, JSON.stringify(plain.json(), null, 2))
  const found = (await call('GET', `Basic?_id=${id}`)).json()
  t.same(await xml.parse((await call('GET', `Basic?_id=${id}`, asXml)).body), found)
  const pretty = await call('GET', `Basic?_id=${id}&_pretty=true`)
  t.same(pretty.json().entry, found.entry)
  const sent = await call('POST', 'Basic', sendXml, xml.print(long))
  t.same([sent.statusCode, sent.json().extension], [201, extension])
})

t.test('_format overrides Accept, in the form of a search too', async t => {
  t.equal((await call('GET', 'Basic?_format=xml')).headers['content-type'], xmlType)
  t.equal((await call('GET', 'Basic?_format=application/fhir+xml')).headers['content-type'], xmlType)
  t.match((await call('GET', 'Basic?_format=json', asXml)).headers['content-type'], /json/)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  t.equal((await call('POST', 'Basic/_search', form, '_format=xml')).headers['content-type'], xmlType)
  t.equal((await call('POST', 'Basic/_search', form, '_format=ttl')).statusCode, 406)
  for (const format of ['ttl', 'constructor', '__proto__', ''])
    t.equal((await call('GET', `Basic?_format=${format}`)).statusCode, 406, format)
})

t.test('the other pages look as was asked for the first one, or as they are asked to', async t => {
  for (let count = 0; count < 3; count++)
    await call(
      'POST',
      'Basic',
      { 'content-type': 'application/fhir+json' },
      '{"resourceType":"Basic","code":{"text":"x"}}',
    )
  const relation = (name: string, body: string) =>
    new RegExp(`<relation value="${name}"/>\\s*<url value="[^"]*/fhir/([^"]*)"`)
      .exec(body)?.[1]
      ?.replaceAll('&amp;', '&')
  for (const kind of ['Basic', 'Basic/_history']) {
    const first = await call('GET', `${kind}?_count=1&_format=xml&_pretty=true`)
    const next = relation('next', first.body) ?? ''
    t.match(next, /^[\w/]+\?_cursor=[\w.-]+&_format=xml&_pretty=true$/)
    const second = await call('GET', next)
    t.match([second.statusCode, second.headers['content-type']], [200, xmlType])
    t.match(second.body, /\n {2}<type /)
    t.match(relation('next', second.body), /&_format=xml&_pretty=true$/)
    t.match((await call('GET', next.replace('=xml', '=json'))).headers['content-type'], /json/)
  }
})

t.test('_pretty spreads either format over lines', async t => {
  const json = await call('GET', 'Basic?_count=1&_pretty=true')
  t.equal(json.body, JSON.stringify(json.json(), null, 2))
  const none = await call('GET', 'Basic?code=none&_pretty=true')
  t.equal(none.body, JSON.stringify(none.json(), null, 2))
  const [entry] = json.json().entry
  const read = await call('GET', `Basic/${entry.resource.id}?_pretty=true&_format=xml`)
  t.match(read.body, `\n<Basic xmlns="http://hl7.org/fhir">\n  <id value="${entry.resource.id}"/>\n`)
  t.match((await call('GET', 'Basic?_count=1&_pretty=true', asXml)).body, '\n  <entry>\n    <fullUrl ')
})

t.test('_pretty leaves the strings of a Bundle as they are', async t => {
  const text = 'a\u2028b\u2029c\u0085d\ne\r\nf\\ng'
  const json = { 'content-type': 'application/fhir+json' }
  const { id } = (await call('POST', 'Basic', json, JSON.stringify({ resourceType: 'Basic', code: { text } }))).json()
  const { body } = await call('GET', `Basic?_id=${id}&_pretty=true`)
  t.equal(JSON.parse(body).entry[0].resource.code.text, text)
  t.equal(body, JSON.stringify(JSON.parse(body), null, 2))
})

t.test('errors have the format that was asked for, if possible', async t => {
  const outcome = async (answer: ReturnType<typeof call>) => {
    const { statusCode, headers, body } = await answer
    t.equal(headers['content-type'], xmlType)
    const { resourceType, issue } = (await xml.parse(body)) as { resourceType: string; issue: { code: string }[] }
    return `${statusCode} ${resourceType} ${issue[0]?.code}`
  }
  t.equal(await outcome(call('GET', 'Basic/none', asXml)), '404 OperationOutcome not-found')
  t.equal(
    await outcome(call('GET', 'Basic/none', { ...asXml, authorization: 'Bearer x' })),
    '401 OperationOutcome login',
  )
  t.equal(await outcome(call('GET', 'Thing/1?_format=xml')), '404 OperationOutcome not-found')
  t.equal(await outcome(call('POST', 'Basic', { ...asXml, ...sendXml }, '<Basic')), '400 OperationOutcome structure')
  t.equal(
    await outcome(call('POST', 'Basic', { ...asXml, 'content-type': 'text/plain' }, 'x')),
    '415 OperationOutcome not-supported',
  )
  const refused = await call('GET', 'Basic', { accept: 'text/html' })
  t.same(
    [refused.statusCode, refused.json().issue[0].diagnostics],
    [406, 'text/html is not served here; ask for application/fhir+json or application/fhir+xml'],
  )
  const wrong = await call('POST', 'Basic', { 'content-type': 'application/pdf' }, 'x')
  t.same(
    [wrong.statusCode, wrong.json().issue[0].diagnostics],
    [415, 'application/pdf is not taken here; send application/fhir+json or application/fhir+xml'],
  )
})

t.test('the CapabilityStatement is available as XML too, and names both formats', async t => {
  const answer = await server.inject({ url: '/metadata?_format=xml' })
  t.match(await xml.parse(answer.body), {
    resourceType: 'CapabilityStatement',
    format: ['json', 'application/fhir+json', 'xml', 'application/fhir+xml'],
  })
  t.equal((await server.inject({ url: '/metadata', headers: { accept: 'image/png' } })).statusCode, 406)
})

t.test('an XML body is limited like all bodies, and its entities are not expanded', async t => {
  const bomb = `<!DOCTYPE Basic [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Basic xmlns="http://hl7.org/fhir"><language value="&b;"/></Basic>`
  const answer = await call('POST', 'Basic', sendXml, bomb)
  t.equal(answer.statusCode, 400)
  t.match(answer.json().issue[0].diagnostics, /document type declaration/)
})
