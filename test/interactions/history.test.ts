import type { Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())

const call = async (method: 'GET' | 'PUT' | 'DELETE', url: string, payload?: object, bearer = 'everything') => {
  const answer = await server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  })
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() }
}
const put = (resourceType: string, id: string, more: object = {}) =>
  call('PUT', `${resourceType}/${id}`, { resourceType, id, ...more })
/** `DELETE Patient/1 W/"2"`, newest first. */
const lines = ({ entry = [] }: Bundle) =>
  entry.map(({ fullUrl, request, response }) =>
    [request?.method, fullUrl?.split('/').slice(-2).join('/'), response?.etag, response?.status?.slice(0, 3)].join(' '),
  )
const pagesOf = async (url: string): Promise<readonly string[]> => {
  const seen: string[] = []
  let next: string | undefined = url
  while (next !== undefined) {
    const { body }: { body: Bundle } = await call('GET', next)
    seen.push(...lines(body))
    next = body.link?.find(({ relation }) => relation === 'next')?.url?.replace(/^.*\/fhir\//, '')
  }
  return seen
}

const narrative = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Part</div>' }

await put('Patient', 'a', { active: true })
await put('Basic', 'x', { code: { text: '1' } })
await put('Patient', 'b')
await put('Patient', 'a', { active: false })
await call('DELETE', 'Patient/b')
await put('Basic', 'x', { code: { text: '2' } })
await call('DELETE', 'Basic/x')
await put('Basic', 'x', { code: { text: '3' } })

const ofPatients = [
  'DELETE Patient/b W/"2" 204',
  'PUT Patient/a W/"2" 200',
  'POST Patient/b W/"1" 201',
  'POST Patient/a W/"1" 201',
]
const ofAll = [
  'PUT Basic/x W/"4" 200',
  'DELETE Basic/x W/"3" 204',
  'PUT Basic/x W/"2" 200',
  'DELETE Patient/b W/"2" 204',
  'PUT Patient/a W/"2" 200',
  'POST Patient/b W/"1" 201',
  'POST Basic/x W/"1" 201',
  'POST Patient/a W/"1" 201',
]

t.test('a type and the whole system have a history, newest first', async t => {
  const { status, body } = await call('GET', 'Patient/_history')
  t.equal(status, 200)
  t.strictSame(
    [body.type, lines(body), body.link],
    ['history', ofPatients, [{ relation: 'self', url: 'http://localhost:8080/fhir/Patient/_history' }]],
  )
  t.strictSame(
    body.entry.map(({ resource }: { resource?: { active?: boolean } }) => resource?.active),
    [undefined, false, undefined, true],
  )
  t.strictSame(lines((await call('GET', '_history')).body), ofAll)
})

t.test('that history has its number if one page has all of it', async t => {
  const totalOf = async (url: string) => (await call('GET', url)).body.total
  t.equal(await totalOf('Patient/_history'), 4)
  t.equal(await totalOf('_history?_count=8'), 8)
  t.equal(await totalOf('Patient/_history?_since=2999'), 0)
  t.equal(await totalOf('_history?_count=7'), undefined)
})

t.test('pages follow one another, whatever their size', async t => {
  for (const count of [1, 2, 3, 7]) {
    t.strictSame(await pagesOf(`_history?_count=${count}`), ofAll, `_history by ${count}`)
    t.strictSame(await pagesOf(`Patient/_history?_count=${count}`), ofPatients, `Patient by ${count}`)
  }
})

t.test('what is written while pages are read does not shift them', async t => {
  const { body } = await call('GET', 'Patient/_history?_count=2')
  const before = lines(body)
  await put('Patient', 'a', { active: true, gender: 'female' })
  const next = body.link[1].url.replace(/^.*\/fhir\//, '')
  t.strictSame([...before, ...lines((await call('GET', next)).body)], ofPatients)
})

t.test('_since asks for newer versions, _at for those that were current then', async t => {
  const all = (await call('GET', 'Patient/_history?_count=100')).body
  const times = all.entry.map(({ response }: { response: { lastModified: string } }) => response.lastModified)
  const since = async (time: string, path = 'Patient') =>
    lines((await call('GET', `${path}/_history?_since=${time}`)).body)
  t.strictSame(await since(times[1]), lines(all).slice(0, 2))
  t.strictSame(await since('2100-01-01'), [])
  t.strictSame(await since('2020'), lines(all))
  t.strictSame(await since(times[0], 'Patient/a'), ['PUT Patient/a W/"3" 200'])
  const at = async (time: string, path = 'Patient') => lines((await call('GET', `${path}/_history?_at=${time}`)).body)
  t.strictSame(await at('2100'), ['PUT Patient/a W/"3" 200', 'DELETE Patient/b W/"2" 204'])
  t.strictSame(await at('2020'), [])
  t.strictSame(await at(times[3]), ['POST Patient/b W/"1" 201', 'POST Patient/a W/"1" 201'])
  for (const end of ['2100', '9999', '9999-12-31'])
    t.strictSame(await at(end, 'Patient/a'), ['PUT Patient/a W/"3" 200'], end)
  const justAfter = `${times[0].slice(0, -1)}1Z`
  t.strictSame([await since(justAfter), await since(justAfter, 'Patient/a')], [[], []])
  for (const query of ['_since=yesterday', '_at=x', '_sort=x', '_list=1', '_count=0', '_since=2020&_since=2021'])
    t.equal((await call('GET', `Patient/_history?${query}`)).status, 400, query)
})

t.test('an unknown parameter is ignored if asked for, as in a search', async t => {
  const lenient = async (url: string) => {
    const headers = { authorization: 'Bearer everything', prefer: 'handling=lenient' }
    const answer = await server.inject({ url: `/fhir/${url}`, headers })
    return { status: answer.statusCode, body: answer.json() }
  }
  for (const path of ['Patient/a/_history', 'Patient/_history', '_history']) {
    const { status, body } = await lenient(`${path}?foo=1&_count=2&foo=2`)
    t.equal(status, 200)
    t.equal(body.link[0].url, `http://localhost:8080/fhir/${path}?_count=2`)
    t.equal(body.entry.length, 2)
    t.equal((await lenient(`${path}?_count=x`)).status, 400)
  }
})

t.test('the versions of one resource come in pages, with their number', async t => {
  for (const active of [true, false, true]) await put('Patient', 'many', { active })
  await call('DELETE', 'Patient/many')
  await put('Patient', 'many', { gender: 'other' })
  const all = ['PUT 5 200', 'DELETE 4 204', 'PUT 3 200', 'PUT 2 200', 'POST 1 201'].map(line =>
    line.replace(/(\w+) (\d) /, '$1 Patient/many W/"$2" '),
  )
  for (const count of [1, 2, 4, 5]) {
    t.strictSame(await pagesOf(`Patient/many/_history?_count=${count}`), all, `by ${count}`)
    t.equal((await call('GET', `Patient/many/_history?_count=${count}`)).body.total, 5)
  }
  const first = (await call('GET', 'Patient/many/_history?_count=2')).body
  await put('Patient', 'many', { gender: 'unknown' })
  const next = first.link[1].url.replace(/^.*\/fhir\//, '')
  t.strictSame(lines((await call('GET', next)).body), all.slice(2, 4), 'what is written meanwhile does not shift pages')
  const { lastModified } = first.entry[1].response
  t.strictSame(
    lines((await call('GET', `Patient/many/_history?_at=${lastModified}`)).body).slice(-1),
    all.slice(1, 2),
    'a deletion is current until the next version',
  )
  t.equal((await call('GET', 'Patient/many/_history/4')).status, 410)
  t.match((await call('GET', 'Patient/many/_history/3')).body, { active: true })
  for (const unknown of ['7', '0', 'x', '99999999999'])
    t.equal((await call('GET', `Patient/many/_history/${unknown}`)).status, 404, unknown)
})

t.test('versions are served in part if asked for', async t => {
  await put('Patient', 'part', { active: true, gender: 'male', text: narrative })
  await put('Patient', 'part', { active: false, gender: 'male', text: narrative })
  await call('DELETE', 'Patient/part')
  await put('Basic', 'part', { code: { text: 'x' }, created: '2026' })
  const resources = async (url: string) =>
    (await call('GET', url)).body.entry.map(({ resource }: { resource?: { meta: { tag?: unknown } } }) => {
      if (resource === undefined) return undefined
      const { meta, ...rest } = resource
      return [rest, meta.tag]
    })
  const tag = [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' }]
  const patient = { resourceType: 'Patient', id: 'part' }
  const parts = [undefined, [{ ...patient, active: false }, tag], [{ ...patient, active: true }, tag]]
  t.strictSame(await resources('Patient/part/_history?_elements=active'), parts)
  t.strictSame(await resources('Patient/_history?_elements=active&_count=3'), parts)
  t.strictSame(await resources('_history?_elements=active,created&_count=4'), [
    [{ resourceType: 'Basic', id: 'part', code: { text: 'x' }, created: '2026' }, tag],
    ...parts,
  ])
  t.strictSame(await resources('Patient/part/_history?_summary=text&_count=2'), [
    undefined,
    [{ ...patient, text: narrative }, tag],
  ])
  const next = (await call('GET', 'Patient/part/_history?_elements=gender&_count=2')).body.link[1].url
  t.strictSame(await resources(next.replace(/^.*\/fhir\//, '')), [[{ ...patient, gender: 'male' }, tag]])
  const refusal = async (url: string) => {
    const { status, body } = await call('GET', url)
    return [status, body.issue[0].diagnostics.slice(0, 62)]
  }
  t.strictSame(await refusal('_history?_elements=foo'), [400, 'No type here has an element "foo"'])
  t.strictSame(await refusal('Patient/_history?_summary=count'), [
    400,
    'Only a search is counted; accepted: true, text, data, false',
  ])
  t.strictSame(await refusal('Patient/_history?_summary=true&_elements=id'), [
    400,
    'Give one of _summary and _elements',
  ])
})

t.test('a history of what one may not search is refused', async t => {
  t.equal(
    (await call('GET', 'Patient/_history', undefined, 'reader')).status,
    403,
    'a scope with r alone is not enough',
  )
  t.equal((await call('GET', '_history', undefined, 'reader')).status, 403)
  t.equal((await call('GET', '_history', undefined, 'nobody')).status, 401)
})
