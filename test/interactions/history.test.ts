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

t.test('pages follow one another, whatever their size', async t => {
  for (const count of [1, 2, 3, 7]) {
    t.strictSame(await pagesOf(`_history?_count=${count}`), ofAll, `_history by ${count}`)
    t.strictSame(await pagesOf(`Patient/_history?_count=${count}`), ofPatients, `Patient by ${count}`)
  }
})

t.test('what is written while pages are read moves nothing', async t => {
  const { body } = await call('GET', 'Patient/_history?_count=2')
  const before = lines(body)
  await put('Patient', 'a', { active: true, gender: 'female' })
  const next = body.link[1].url.replace(/^.*\/fhir\//, '')
  t.strictSame([...before, ...lines((await call('GET', next)).body)], ofPatients)
})

t.test('_since asks for what is newer, _at for what was current then', async t => {
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
  t.strictSame(await at('2100', 'Patient/a'), ['PUT Patient/a W/"3" 200'])
  for (const query of ['_since=yesterday', '_at=x', '_sort=x', '_list=1', '_count=0', '_since=2020&_since=2021'])
    t.equal((await call('GET', `Patient/_history?${query}`)).status, 400, query)
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
