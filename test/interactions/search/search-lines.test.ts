import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { searchPages } from '../../../src/interactions/search/search-lines.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { roomOfPage } from '../../../src/search/room.ts'
import type { Search } from '../../../src/search/search.ts'
import { revokeToken } from '../../../src/storage/authorization/token.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { readSlowly } from '../../support/slow-reader.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const { server, database, token } = await fhirWorld({ PORT: '0' })
t.teardown(() => server.close())
const ndjson = 'application/fhir+ndjson'
const everything = { authorization: 'Bearer everything' }
const get = (url: string, headers: object = { accept: ndjson }) =>
  server.inject({ url: `/fhir/${url}`, headers: { ...everything, ...headers } })
const linesOf = (body: string) =>
  body
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))

/** A page of them is larger than the buffers between server and client: the second one is requested when the first was read. */
const many = 2200
for (let from = 0; from < many; from += 550) {
  const entry = Array.from({ length: 550 }, (_, index) => ({
    resource: {
      resourceType: 'Patient',
      name: [{ family: `f${from + index}`, text: `a\nb${'long '.repeat(2400)}` }],
      gender: 'female',
    },
    request: { method: 'POST', url: 'Patient' },
  }))
  await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: { resourceType: 'Bundle', type: 'batch', entry },
  })
}

t.test('lines are compressed for clients that ask for it', async t => {
  const answer = await get('Patient?gender=female', { accept: ndjson, 'accept-encoding': 'gzip' })
  t.equal(answer.headers['content-encoding'], 'gzip')
  t.equal(linesOf(gunzipSync(answer.rawPayload).toString()).length, many)
})

t.test('a search answers all its matches, one resource per line', async t => {
  const answer = await get('Patient?gender=female')
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/fhir+ndjson; charset=utf-8')
  const patients = linesOf(answer.body)
  t.equal(patients.length, many)
  t.equal(new Set(patients.map(({ id }) => id)).size, many)
  t.match(patients[0], {
    resourceType: 'Patient',
    name: [{ family: `f${many - 1}`, text: `a\nb${'long '.repeat(2400)}` }],
  })
  t.ok(answer.body.endsWith('}\n'))
  t.equal((await get('Patient?gender=male')).body, '', 'no match is no line')
})

t.test('lines are asked for with Accept or _format, and never come unasked', async t => {
  for (const format of ['ndjson', ndjson, ndjson.replace('+', '%2B')])
    t.equal(linesOf((await get(`Patient?_id=x&_format=${format}`, {})).body).length, 0, format)
  const posted = await server.inject({
    method: 'POST',
    url: '/fhir/Patient/_search',
    headers: {
      authorization: 'Bearer everything',
      accept: ndjson,
      'content-type': 'application/x-www-form-urlencoded',
    },
    payload: 'family=f7&_sort=-family',
  })
  t.strictSame(
    linesOf(posted.body)
      .map(({ name }) => name[0].family)
      .slice(0, 2),
    ['f799', 'f798'],
  )
  for (const accept of ['*/*', 'application/*', `application/fhir+json, ${ndjson};q=0.5`])
    t.equal((await get('Patient?_id=x', { accept })).json().resourceType, 'Bundle', accept)
})

t.test('where there are no lines, the next form that is accepted counts', async t => {
  const { id } = (await get('Patient?_count=1', {})).json().entry[0].resource
  const urls = [`Patient/${id}`, `Patient/${id}/_history`, `Patient/${id}/$everything`, 'metadata']
  for (const [accept, type] of [
    [`${ndjson}, application/fhir+json;q=0.5`, /^application\/fhir\+json/],
    [`${ndjson}, application/fhir+xml;q=0.5`, /^application\/fhir\+xml/],
    [`${ndjson}, */*;q=0.1`, /^application\/fhir\+json/],
  ] as const)
    for (const url of urls) {
      const answer = await get(url, { accept })
      t.match([answer.statusCode, answer.headers['content-type']], [200, type], `${url} ${accept}`)
    }
  t.match((await get(`Patient/${id}`)).json(), { issue: [{ diagnostics: `Only searches answer as ${ndjson}` }] })
  t.equal((await get(`Patient/${id}?_format=ndjson`, { accept: '*/*' })).statusCode, 406)
})

t.test('order and elements are respected, and so is the place of a cursor', async t => {
  const short = linesOf((await get('Patient?family=f1&_sort=family&_elements=name')).body)
  t.match(short[0], { name: [{ family: 'f1' }], gender: undefined, meta: { tag: [{ code: 'SUBSETTED' }] } })
  const page = (await get('Patient?_count=1000', {})).json()
  const next = page.link.find(({ relation }: { relation: string }) => relation === 'next').url.split('/fhir/')[1]
  t.equal(linesOf((await get(next)).body).length, many - 1000, 'from there on')
})

t.test('an answer without lines is refused with an OperationOutcome', async t => {
  for (const query of ['_include=*', '_revinclude=*', '_total=accurate', '_summary=count', '_count=0', 'colour=red']) {
    const answer = await get(`Patient?${query}`, { accept: ndjson, prefer: 'handling=lenient' })
    t.equal(answer.statusCode, 400, query)
    t.match(answer.headers['content-type'], /^application\/fhir\+json/, query)
    t.match(answer.json(), { resourceType: 'OperationOutcome' }, query)
  }
})

t.test('only searches answer as lines', async t => {
  for (const path of ['Patient/x', 'Patient/x/_history', 'metadata']) t.equal((await get(path)).statusCode, 406, path)
})

const address = await server.listen({ port: 0, host: '127.0.0.1' })

const begin = async (more: { readonly ttlSeconds?: number; readonly client?: string } = {}) => {
  const all = { scope: 'system/*.cruds', policies: ['everything'] } as const
  const bearer = await token({ subject: { kind: 'client' }, ...all, ...more })
  const headers = { authorization: `Bearer ${bearer}`, accept: ndjson }
  return { bearer, ...(await readSlowly(`${address}/fhir/Patient?_sort=family`, headers)) }
}

t.test('a slow reader gets no further once their token is revoked', async t => {
  const { bearer, status, rest } = await begin()
  t.equal(status, 200)
  await revokeToken(database, bearer)
  await sleep(2500)
  await t.rejects(rest())
  const late = await begin({ ttlSeconds: 2 })
  await sleep(2500)
  await t.resolves(late.rest(), 'an answer that began in time may outlast the token')
})

t.test('more of it is read when it is its caller’s turn, as only so many of their requests are worked on', async t => {
  // A caller who owes nothing, and whose searches are known to be short: another may have only two turns on a busy machine.
  const { bearer, rest } = await begin({ client: 'other' })
  const headers = { authorization: `Bearer ${bearer}` }
  await server.inject({ url: '/fhir/Basic', headers })
  const searches = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE basic IN ACCESS EXCLUSIVE MODE`)
    const searches = Array.from({ length: 8 }, () => server.inject({ url: '/fhir/Basic', headers }))
    await someoneWaits(connection, 8)
    const all = rest()
    t.equal(await Promise.race([all.then(() => 'all'), sleep(3000, 'waits')]), 'waits')
    return [...searches, all]
  })
  await t.resolves(Promise.all(searches))
})

t.test('what is deleted while it goes out breaks nothing off', async t => {
  const [{ id }] = linesOf((await get('Patient?family=f0')).body)
  const { rest } = await begin()
  const { statusCode } = await server.inject({ method: 'DELETE', url: `/fhir/Patient/${id}`, headers: everything })
  t.equal(statusCode, 204)
  await t.resolves(rest())
})

t.test('each page is recorded, and that its reader may still see the others is no question of theirs', async t => {
  const { last } = await database.one<{ last: string }>(sql.fragment`SELECT max(id)::text AS last FROM audit_record`)
  const { rest } = await begin()
  await rest()
  const asked = sql.fragment`SELECT cardinality(patients) AS patients FROM audit_record WHERE id > ${last}::bigint ORDER BY id`
  t.same(await database.any(asked), [{ patients: 1000 }, { patients: 1000 }, { patients: many - 2001 }])
})

t.test('a client can tell that not everything has come', async t => {
  const { rest } = await begin()
  await database.transaction(async connection => {
    await connection.run(sql.fragment`ALTER TABLE patient RENAME TO patient_elsewhere`)
  })
  await t.rejects(rest())
})

t.test('a page of lines has no more room than any other, however long resources are', async t => {
  const asked: Search[] = []
  const search: Store['search'] = async one => {
    asked.push(one)
    return { entries: [], included: [], leftOut: false, ...(asked.length < 3 && { next: `${asked.length}` }) }
  }
  const pages = await searchPages(parseSearch(loadRegistry(), 'Observation', new URLSearchParams()), {
    store: { search } as Store,
  })
  t.equal((await Array.fromAsync(pages)).length, 3)
  t.strictSame(
    asked.map(({ room, cursor }) => [room, cursor]),
    [undefined, '1', '2'].map(cursor => [roomOfPage, cursor]),
  )
})
