import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, token } = await fhirWorld()
t.teardown(() => server.close())
/** It may do everything, choosing ids included, to what has the identifier `mine`. */
const restricted = await token({
  subject: { kind: 'client' },
  client: 'importer',
  scope: 'system/Basic.cruds?identifier=urn:test|mine',
  policies: ['everything'],
})
const call = async (method: 'GET' | 'PUT' | 'PATCH' | 'DELETE', url: string, bearer: string, payload?: object) => {
  const answer = await server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  })
  return { status: answer.statusCode, body: answer.body === '' ? {} : answer.json() }
}
const basic = (id: string, value: string, text: string) => ({
  resourceType: 'Basic',
  id,
  identifier: [{ system: 'urn:test', value }],
  code: { text },
})
/** The identifiers that it had one after another; it was deleted where there is none. */
const written = async (id: string, ...values: readonly (string | undefined)[]) => {
  for (const [index, value] of values.entries())
    if (value === undefined) await call('DELETE', `Basic/${id}`, 'everything')
    else await call('PUT', `Basic/${id}`, 'everything', basic(id, value, String(index)))
}
const patch = {
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: 'Basic.code.text' },
        { name: 'value', valueString: 'x' },
      ],
    },
  ],
}

t.test('what was deleted once, is there again and may not be seen now, is unknown in every way', async t => {
  await written('hidden', 'mine', undefined, 'mine', 'other')
  const ways = [
    ['GET', 'Basic/hidden'],
    ['GET', 'Basic/hidden/_history'],
    ...[1, 2, 3, 4].map(version => ['GET', `Basic/hidden/_history/${version}`] as const),
    ['PUT', 'Basic/hidden', basic('hidden', 'mine', 'x')],
    ['PATCH', 'Basic/hidden', patch],
    ['DELETE', 'Basic/hidden'],
  ] as const
  for (const [method, url, payload] of ways) {
    const [here, nowhere] = await Promise.all(
      [url, url.replace('hidden', 'nowhere')].map((one, index) =>
        // A PUT would make it.
        index === 1 && method === 'PUT' ? undefined : call(method, one, restricted, payload),
      ),
    )
    t.equal(here?.status, 404, `${method} ${url}`)
    if (nowhere !== undefined)
      t.equal(JSON.stringify(here).replaceAll('hidden', 'nowhere'), JSON.stringify(nowhere), `${method} ${url}`)
  }
  const { body } = await call('GET', 'Basic/_history', restricted)
  t.same(body.entry, undefined)
  t.match(await call('GET', 'Basic/hidden', 'everything'), { status: 200, body: { meta: { versionId: '4' } } })
})

t.test('what is deleted is gone for those who could see it, however often it was there', async t => {
  await written('gone', 'other', undefined, 'mine', undefined)
  t.match(await call('GET', 'Basic/gone', restricted), { status: 410 })
  t.match(await call('GET', 'Basic/gone/_history/3', restricted), { status: 200 })
  t.match(await call('GET', 'Basic/gone/_history/1', restricted), { status: 404 })
  await written('never', 'mine', undefined, 'other', undefined)
  t.match(await call('GET', 'Basic/never', restricted), { status: 404 })
  t.match(await call('GET', 'Basic/never/_history/1', restricted), { status: 404 })
})
