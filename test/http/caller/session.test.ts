import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

/** The FHIR API with the cookie of a session. */
const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const everything = { authorization: 'Bearer everything' }
const put = (resource: { resourceType: string; id: string }) =>
  server.inject({
    method: 'PUT',
    url: `/fhir/${resource.resourceType}/${resource.id}`,
    headers: everything,
    payload: resource,
  })
const patient = (id: string) => ({ resourceType: 'Patient', id, name: [{ family: id }] })
const person = (id: string, ...targets: readonly string[]) => ({
  resourceType: 'Person',
  id,
  active: true,
  ...(targets.length > 0 && { link: targets.map(reference => ({ target: { reference } })) }),
})
for (const one of [patient('ann'), patient('bob'), person('of-ann', 'Patient/ann'), person('root')]) await put(one)
await database.run(sql.fragment`
  INSERT INTO user_account (email, person, administrator) VALUES ('ann@example.org', 'of-ann', false), ('root@example.org', 'root', true)`)

const cookieOf = async (id: string) =>
  `sharewell-session=${await startSession(database, { person: id, methods: ['pwd'], device: 'Firefox' })}`
const ann = await cookieOf('of-ann')
const ours = { 'sec-fetch-site': 'same-origin' }
const call = (url: string, headers: Readonly<Record<string, string>>, payload?: object) =>
  server.inject({ method: payload === undefined ? 'GET' : 'POST', url, headers, ...(payload && { payload }) })

t.test('our own pages read what the person may see, as that person', async t => {
  t.match(await call('/fhir/Patient/ann', { cookie: ann, ...ours }), { statusCode: 200 })
  t.match(await call('/fhir/Patient/bob', { cookie: ann, ...ours }), { statusCode: 404 })
  const found = await call('/fhir/Patient', { cookie: ann, ...ours })
  t.same(
    found.json().entry.map(({ resource }: { resource: { id: string } }) => resource.id),
    ['ann'],
  )
  t.match(await call('/fhir/Patient/ann', { cookie: `a=b; ${ann}; c=d`, origin: 'http://localhost:8080' }), {
    statusCode: 200,
  })
})

t.test('its scopes only read', async t => {
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/ann' },
  }
  const refused = await call('/fhir/Observation', { cookie: ann, ...ours }, observation)
  t.equal(refused.statusCode, 403)
})

t.test('a request that another site makes is nobody’s', async t => {
  for (const headers of [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost:8080' },
  ]) {
    const answer = await call('/fhir/Patient/ann', { cookie: ann, ...headers })
    t.match(
      answer,
      { statusCode: 401, headers: { 'www-authenticate': 'Bearer realm="fhir"' } },
      JSON.stringify(headers),
    )
  }
})

t.test('with a bearer token the cookie does not count, and a session is not a bearer token', async t => {
  t.match(await call('/fhir/Patient/ann', { cookie: ann, ...ours, authorization: 'Bearer nonsense' }), {
    statusCode: 401,
  })
  const { value } = /=(?<value>.*)/.exec(ann)?.groups ?? {}
  t.match(await call('/fhir/Patient/ann', { authorization: `Bearer ${value}` }), { statusCode: 401 })
})

t.test('an administrator’s session administers, and sees nobody’s health data', async t => {
  const root = await cookieOf('root')
  t.match(await call('/fhir/Organization', { cookie: root, ...ours }), { statusCode: 200 })
  t.match(await call('/fhir/Patient', { cookie: root, ...ours }), { statusCode: 403 })
  t.match(await call('/fhir/Person/root', { cookie: root, ...ours }), { statusCode: 200 })
})

t.test('a session that ended is over with the next request', async t => {
  await database.run(sql.fragment`DELETE FROM user_session WHERE person = 'of-ann'`)
  t.match(await call('/fhir/Patient/ann', { cookie: ann, ...ours }), { statusCode: 401 })
})
