import t from 'tap'
import { fhirServer } from '../../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const get = (url: string, more: object = {}, bearer = 'everything') =>
  server.inject({
    url: url.replace('http://localhost:8080', ''),
    headers: { authorization: `Bearer ${bearer}`, ...more },
  })

for (const family of ['a', 'b', 'c']) {
  await server.inject({
    method: 'POST',
    url: '/fhir/Patient',
    headers: { authorization: 'Bearer everything' },
    payload: { resourceType: 'Patient', name: [{ family }], birthDate: '1980-01-01' },
  })
}

t.test('a search answers a searchset around what is stored', async t => {
  const answer = await get('/fhir/Patient?gender:not=male&_total=accurate')
  const bundle = answer.json()
  t.equal(answer.statusCode, 200)
  t.match(bundle, { resourceType: 'Bundle', type: 'searchset', total: 3 })
  t.equal(bundle.entry.length, 3)
  for (const { fullUrl, resource, search } of bundle.entry) {
    t.equal(fullUrl, `http://localhost:8080/fhir/Patient/${resource.id}`)
    t.same(search, { mode: 'match' })
  }
})

t.test('next is opaque, bound to the caller, and leads through everything', async t => {
  const first = (await get('/fhir/Patient?birthdate=lt2026&_count=2')).json()
  const [self, next] = first.link
  t.match(self, { relation: 'self', url: 'http://localhost:8080/fhir/Patient?birthdate=lt2026&_count=2' })
  t.match(next.url, /^http:\/\/localhost:8080\/fhir\/Patient\?_cursor=[A-Za-z0-9._-]+$/)
  const second = (await get(next.url)).json()
  t.equal(second.entry.length, 1)
  const [sameSelf, ...others] = second.link
  t.same(sameSelf, self, 'the last page states the same search')
  t.same(
    others.map(({ relation }: { relation: string }) => relation),
    ['first', 'previous'],
    'and leads only back',
  )
  for (const { url } of others) {
    t.match(url, /\/Patient\?_cursor=[A-Za-z0-9._-]+$/)
    t.same((await get(url)).json().entry, first.entry)
    t.equal((await get(url, {}, 'other')).statusCode, 400)
  }
  t.equal((await get(next.url, {}, 'other')).statusCode, 400)
  t.equal((await get(next.url.replace('/Patient?', '/Group?'))).statusCode, 400)
  t.equal((await get(`${next.url}&gender=male`)).statusCode, 400)
  const twice = await get(`${next.url}&_cursor=${new URL(next.url).searchParams.get('_cursor')}`)
  t.match([twice.statusCode, twice.body], [400, /_cursor names the whole search already/])
  t.equal((await get(`${next.url.slice(0, -3)}AAA`)).statusCode, 400)
})

t.test('a link to another page may say how large that is to be', async t => {
  const [, next] = (await get('/fhir/Patient?birthdate=lt2026&_count=1')).json().link
  const sizes = [1, 2].map(async count => (await get(`${next.url}&_count=${count}`)).json().entry.length)
  t.same(await Promise.all(sizes), [1, 2])
})

t.test('unknown parameters are refused by name, or ignored with a message', async t => {
  const strict = await get('/fhir/Patient?colour=red')
  t.equal(strict.statusCode, 400)
  t.match(strict.json().issue[0].diagnostics, /colour/)
  const lenient = (await get('/fhir/Patient?colour=red&_count=1', { prefer: 'handling=lenient' })).json()
  t.equal(lenient.link[0].url, 'http://localhost:8080/fhir/Patient?_count=1')
  t.match(lenient.entry[0], { search: { mode: 'outcome' }, resource: { resourceType: 'OperationOutcome' } })
  t.match(lenient.entry[0].resource.issue[0].diagnostics, /colour/)
  const ofSeveral = await get('/fhir?_type=Patient&_contained=true', { prefer: 'handling=lenient' })
  t.match(ofSeveral.json().entry[0].resource.issue[0].diagnostics, /_contained .*was ignored/)
})

t.test('a posted search is the same, and accepts nothing but a form', async t => {
  const posted = (payload: string, type: string) =>
    server.inject({
      method: 'POST',
      url: '/fhir/Patient/_search?_count=1',
      headers: { authorization: 'Bearer everything', 'content-type': type },
      payload,
    })
  const answer = await posted('active:not=true', 'application/x-www-form-urlencoded')
  t.equal(answer.statusCode, 200)
  t.equal(answer.json().entry.length, 1)
  t.match(answer.json().link[1].url, /Patient\?_cursor=/)
  t.equal((await posted('{}', 'application/json')).statusCode, 415)
})

t.test('a search without matches is a Bundle without entries', async t => {
  t.same((await get('/fhir/Group')).json(), {
    resourceType: 'Bundle',
    type: 'searchset',
    link: [{ relation: 'self', url: 'http://localhost:8080/fhir/Group' }],
  })
})
