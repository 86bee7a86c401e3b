import { PassThrough } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Bundle, BundleEntry } from '@medplum/fhirtypes'
import t from 'tap'
import { openAsyncRequests } from '../../../src/http/fhir/async-requests.ts'
import { revokeToken } from '../../../src/storage/authorization/token.ts'
import { type Connection, openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { addAsyncRequest, endAsyncRequest, keepAnswer, readAsyncWork } from '../../../src/storage/work/async-request.ts'
import { heartRate, upload } from '../../mhealth/upload.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openBreakingWire } from '../../support/wire.ts'

const work = { pauseMs: 20, retries: 1 }
const world = await fhirWorld({ MAX_UPLOADS_IN_FLIGHT: '2' }, work)
const { server, database } = world
t.teardown(() => server.close())

type Sent = { readonly body?: unknown; readonly prefer?: string; readonly token?: string; readonly zip?: true }

const send = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, sent: Sent = {}) => {
  const { body, prefer, token = 'everything', zip } = sent
  const text = body === undefined ? undefined : JSON.stringify(body)
  return server.inject({
    method,
    url: url.startsWith('http') ? new URL(url).pathname : `/fhir/${url}`,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/fhir+json',
      ...(prefer && { prefer }),
      ...(zip && { 'content-encoding': 'gzip' }),
    },
    ...(text === undefined ? {} : { payload: zip ? gzipSync(text) : text }),
  })
}

const laterOf = async (url: string, sent: Sent): Promise<string> => {
  const answer = await send(url.includes('?') ? 'GET' : 'POST', url, { prefer: 'respond-async', ...sent })
  if (answer.statusCode !== 202) throw new Error(`${answer.statusCode} ${answer.body}`)
  return String(answer.headers['content-location'])
}

/** The only entry of the answer, once it is there. */
const answerAt = async (location: string, token?: string): Promise<BundleEntry> => {
  for (;;) {
    const answer = await send('GET', location, token === undefined ? {} : { token })
    if (answer.statusCode === 202) await pause(50)
    else if (answer.statusCode === 200) return answer.json().entry[0]
    else throw new Error(`${answer.statusCode} ${answer.body}`)
  }
}

const bundleOf = (type: 'batch' | 'transaction', ...resources: readonly object[]) => ({
  resourceType: 'Bundle',
  type,
  entry: resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } })),
})

const reading = (number: number) => {
  const effective_time_frame = { date_time: new Date(Date.UTC(2026, 2, 1) + number * 300_000).toISOString() }
  const { header, body } = heartRate(60 + (number % 40), { effective_time_frame })
  return upload({ header: { ...header, uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${String(number).padStart(12, '0')}` }, body })
}

const statusesOf = ({ entry = [] }: Bundle) =>
  Object.fromEntries(
    [...Map.groupBy(entry, ({ response }) => response?.status ?? '')].map(([status, all]) => [status, all.length]),
  )

await send('PUT', 'Patient/ann', { body: { resourceType: 'Patient', id: 'ann' } })

t.test('a Bundle whose sender would rather have lines is answered later all the same', async t => {
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: {
      authorization: 'Bearer everything',
      accept: 'application/fhir+ndjson, */*;q=0.1',
      'content-type': 'application/fhir+json',
      prefer: 'respond-async',
    },
    payload: bundleOf('batch'),
  })
  t.equal(answer.statusCode, 202)
})

t.test('days of data sent at once, compressed, are answered later, entry by entry', async t => {
  const body = bundleOf('batch', ...Array.from({ length: 5000 }, (_, number) => reading(number)))
  const location = await laterOf('', { body, zip: true })
  t.match(location, /\/fhir\/_async\/[0-9a-f-]{36}$/)
  const { resource, response } = await answerAt(location)
  t.same(response, { status: '200 OK' })
  t.match(resource, { resourceType: 'Bundle', type: 'batch-response' })
  t.same(statusesOf(resource as Bundle), { '201 Created': 5000 })
  t.same((await send('GET', 'Observation?patient=ann&_summary=count')).json().total, 5000)
  const { entry } = (await send('GET', 'Provenance?agent-type=transmitter')).json()
  t.same(
    entry.map((one: { resource: { target: object[] } }) => one.resource.target.length),
    [5000],
    'one upload, in whatever parts it was done',
  )
  const again = await send('POST', '', { body: { ...body, entry: body.entry.slice(4500) }, zip: true })
  t.same(statusesOf(again.json()), { '200 OK': 500 }, 'the same at once when it is sent again')
})

t.test('an answer that comes later is kept by no cache, and is no lines', async t => {
  const location = await laterOf('', { body: bundleOf('batch', reading(9000)) })
  await answerAt(location)
  const { statusCode, headers } = await send('GET', location)
  t.match([statusCode, headers], [200, { 'cache-control': 'no-store' }])
  const asLines = { authorization: 'Bearer everything', accept: 'application/fhir+ndjson' }
  t.equal((await server.inject({ url: new URL(location).pathname, headers: asLines })).statusCode, 406)
})

t.test('a refused entry says so in its place, and holds up no other', async t => {
  const location = await laterOf('', { body: bundleOf('batch', reading(1), { resourceType: 'Basic' }, reading(2)) })
  const { entry = [] } = (await answerAt(location)).resource as Bundle
  t.same(
    entry.map(({ response }) => response?.status.slice(0, 3)),
    ['200', '400', '200'],
  )
})

t.test('an entry for several resources is done for all or none of them, as if answered at once', async t => {
  const entry = [{ request: { method: 'DELETE', url: 'Organization?identifier=urn:test|several' } }]
  const body = { resourceType: 'Bundle', type: 'batch', entry }
  const put = (id: string, more: object) =>
    send('PUT', `Organization/${id}`, { body: { resourceType: 'Organization', id, name: id, ...more } })
  const ids = ['sev-a', 'sev-b', 'sev-c']
  for (const id of ids) await put(id, { identifier: [{ system: 'urn:test', value: 'several' }] })
  await put('sev-part', { partOf: { reference: 'Organization/sev-c' } })
  const answers = [(await send('POST', '', { body })).json(), (await answerAt(await laterOf('', { body }))).resource]
  for (const answer of answers) t.match(answer, { entry: [{ response: { status: '409 Conflict' } }] })
  for (const id of ids) t.equal((await send('GET', `Organization/${id}`)).statusCode, 200, id)
})

const basics = (...texts: readonly string[]) => ({
  resourceType: 'Bundle',
  type: 'batch',
  entry: texts.map(text => ({
    resource: { resourceType: 'Basic', code: { text } },
    request: { method: 'POST', url: 'Basic' },
  })),
})
const countOf = async (text: string): Promise<number> => {
  const { count } = await database.one<{ count: number }>(
    sql.fragment`SELECT count(*)::integer AS count FROM basic WHERE content->'code'->>'text' = ${text}`,
  )
  return count
}

t.test('an entry that makes the commit fail is refused itself, and all others are done once', async t => {
  await database.run(sql.fragment`
    CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION USING ERRCODE = NEW.content->'code'->>'text';
    END $$`)
  await database.run(sql.fragment`
    CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON basic
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.content->'code'->>'text' ~ '^[0-9]{5}$')
    EXECUTE FUNCTION refuse_at_commit()`)
  const location = await laterOf('', { body: basics('one', 'one', '23505', 'one', '22012', 'one', 'one') })
  const { entry = [] } = (await answerAt(location)).resource as Bundle
  t.same(
    entry.map(({ response }) => response?.status.slice(0, 3)),
    ['201', '201', '409', '201', '500', '201', '201'],
  )
  t.equal(await countOf('one'), 5)
  await database.run(sql.fragment`DROP TRIGGER refuse_at_commit ON basic`)
})

t.test('what cannot be answered is not done either, however often it is tried', async t => {
  const never = sql.fragment`ALTER TABLE async_answer ADD CONSTRAINT never CHECK (FALSE) NOT VALID`
  await database.run(never)
  const { response } = await answerAt(await laterOf('', { body: basics('unanswered', 'unanswered') }))
  t.match(response, { status: /^500/ })
  await database.run(sql.fragment`ALTER TABLE async_answer DROP CONSTRAINT never`)
  t.equal(await countOf('unanswered'), 0)
})

t.test('a transaction is done together with its answer, or not at all', async t => {
  const identifier = [{ system: 'urn:test', value: 'all-or-nothing' }]
  const native = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, identifier }
  const refused = await answerAt(
    await laterOf('', { body: bundleOf('transaction', native, { ...native, status: 'x' }) }),
  )
  t.match(refused, { response: { status: /^422/, outcome: { resourceType: 'OperationOutcome' } } })
  t.notOk(refused.resource)
  const done = await answerAt(await laterOf('', { body: bundleOf('transaction', native) }))
  t.match(done.resource, { type: 'transaction-response', entry: [{ response: { status: '201 Created' } }] })
  t.equal((await send('GET', 'Observation?identifier=urn:test|all-or-nothing&_summary=count')).json().total, 1)
})

t.test(
  'a submission of glucose is answered later, entry by entry, and references lead to what other entries became',
  async t => {
    const device = { resourceType: 'Device', identifier: [{ system: 'urn:test', value: 'sensor' }] }
    const reading = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'x' },
      subject: { reference: 'Patient/ann' },
      device: { reference: 'urn:uuid:0a6f3c1e-5b7d-4c2a-9e8f-0000000000aa' },
    }
    const entry = [
      { resource: reading, request: { method: 'POST', url: 'Observation' } },
      {
        fullUrl: 'urn:uuid:0a6f3c1e-5b7d-4c2a-9e8f-0000000000aa',
        resource: device,
        request: { method: 'POST', url: 'Device' },
      },
      { resource: { resourceType: 'Basic' }, request: { method: 'POST', url: 'Basic' } },
    ]
    const body = { resourceType: 'Bundle', type: 'transaction', entry }
    const { resource, response } = await answerAt(await laterOf('$submit-cgm-bundle', { body }))
    t.same(response, { status: '200 OK' })
    t.match(resource, { resourceType: 'Bundle', type: 'transaction-response' })
    const answered = (resource as Bundle).entry ?? []
    t.same(
      answered.map(one => one.response?.status.slice(0, 3)),
      ['201', '201', '422'],
    )
    const [observation = '', made = ''] = answered.map(
      one => /[A-Z]\w+\/[^/]+(?=\/_history)/.exec(one.response?.location ?? '')?.[0],
    )
    t.match((await send('GET', observation)).json(), { device: { reference: made } })
    const named = { resourceType: 'Parameters', parameter: [{ name: 'resource', resource: body }] }
    t.match((await answerAt(await laterOf('$submit-cgm-bundle', { body: named }))).resource, {
      type: 'transaction-response',
    })
    const wrong = await answerAt(await laterOf('$submit-cgm-bundle', { body: { ...body, type: 'batch' } }))
    t.match(wrong.response, { status: /^400/, outcome: { issue: [{ diagnostics: /type is transaction/ }] } })
  },
)

t.test('text that cannot be stored does not prevent an answer', async t => {
  for (const half of ['\\u0000', '\\ud800']) {
    const text = JSON.stringify(bundleOf('transaction', { resourceType: 'Observation' })).replace(
      '"method":"POST"',
      `"method":"POST${half}"`,
    )
    const { response } = await answerAt(await laterOf('', { body: JSON.parse(text) }))
    t.match(response, { status: /^4/, outcome: { issue: [{ diagnostics: /\ufffd/ }] } })
  }
})

t.test('an entry whose URL is no text is refused in its place', async t => {
  const body = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'POST', url: { toString: 1 } } }] }
  const { resource } = await answerAt(await laterOf('', { body }))
  t.match(resource, { entry: [{ response: { status: '400 Bad Request' } }] })
})

t.test('what is nested too deeply to be stored is refused at once', async t => {
  const deep = `{"resourceType":"Device","note":[${'{"a":['.repeat(9000)}{}${']}'.repeat(9000)}]}`
  const answer = await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', prefer: 'respond-async' },
    payload: `{"resourceType":"Bundle","type":"batch","entry":[{"resource":${deep},"request":{"method":"POST","url":"Device"}}]}`,
  })
  t.match(
    [answer.statusCode, answer.json().issue],
    [400, [{ code: 'structure', diagnostics: /nested more than 500 levels deep/ }]],
  )
})

t.test('a later search keeps only what it found by name, and answers what exists when it is fetched', async t => {
  const query = 'Observation?patient=ann&_count=3&_sort=_lastUpdated&_elements=code'
  const now = (await send('GET', query)).json()
  const location = await laterOf(query, {})
  const later = (await answerAt(location)).resource as Bundle
  t.same(later.entry, now.entry)
  t.match(
    later.link?.map(({ relation }) => relation),
    ['self', 'next'],
  )
  const [gone] = now.entry
  await send('DELETE', `Observation/${gone.resource.id}`)
  t.same(((await answerAt(location)).resource as Bundle).entry, now.entry.slice(1))
})

t.test('what cannot be checked by the gate again is answered at once', async t => {
  const prefer = 'respond-async'
  for (const url of [
    'Observation?patient=ann&_summary=count',
    'Observation?patient=ann&_total=accurate',
    'Patient/ann',
  ])
    t.equal((await send('GET', url, { prefer })).statusCode, 200, url)
  const body = { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: 'Patient/ann' } }] }
  t.match((await send('POST', '', { body, prefer })).json(), { type: 'batch-response', entry: [{ resource: {} }] })
  for (const url of ['Patient/ann/$meta-add', 'Patient/ann/%24meta-add']) {
    const entry = [{ request: { method: 'POST', url }, resource: { resourceType: 'Parameters' } }]
    const answer = await send('POST', '', { body: { ...body, entry }, prefer })
    t.match(answer.json(), { type: 'batch-response', entry: [{ response: { status: /^4/ } }] }, url)
  }
  t.equal((await send('GET', 'Observation?nonsense=1', { prefer })).statusCode, 400, 'so is what is wrong')
})

/** A request in the queue of a server that is gone. */
const waiting = async (body: object, token: string): Promise<string> => {
  const id = (await laterOf('', { body: bundleOf('batch'), token })).split('/').at(-1) ?? ''
  await answerAt(`_async/${id}`, token)
  const total = (body as Bundle).entry?.length ?? 0
  await database.run(sql.fragment`
    UPDATE async_request SET ended_at = NULL, status = NULL, done = 0, total = ${total}, body = ${JSON.stringify(body)}
    WHERE id = ${id}`)
  return id
}

const app = { client: 'cli', subject: { kind: 'patient' as const, patient: 'ann' }, scope: 'patient/*.cruds' }

t.test('what was requested before the server stopped is done by the next one, as far as it was not done', async t => {
  const native = {
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    subject: { reference: 'Patient/ann' },
  }
  const body = bundleOf('batch', ...Array.from({ length: 600 }, () => native))
  const id = await waiting(body, 'everything')
  t.match(await readAsyncWork(database, id), { done: 0, total: 600, caller: {} })
  // As if the first part had been done when it stopped.
  await database.run(sql.fragment`UPDATE async_request SET done = 500 WHERE id = ${id}`)
  const [token, other] = [await world.token(app), await world.token(app)]
  const revoked = await waiting(bundleOf('batch', reading(9001)), token)
  await database.run(sql.fragment`
    UPDATE token SET revoked_at = now() WHERE hash = (SELECT hash FROM async_request WHERE id = ${revoked})`)
  const next = await world.open(work)
  t.same(statusesOf((await answerAt(`_async/${id}`)).resource as Bundle), { '201 Created': 100 })
  t.match(await answerAt(`_async/${revoked}`, other), { response: { status: /^401/ } }, 'except for a revoked token')
  await next.close()
})

t.test('only whoever requested it sees and cancels it, and then it does not exist', async t => {
  const token = await world.token(app)
  const id = await waiting(bundleOf('batch', reading(9002)), token)
  const others = ['everything', 'other', await world.token({ ...app, scope: 'patient/*.rs' })]
  for (const other of others)
    for (const method of ['GET', 'DELETE'] as const)
      t.equal((await send(method, `_async/${id}`, { token: other })).statusCode, 404)
  const told = await send('GET', `_async/${id}`, { token: await world.token(app) })
  t.match(told, { statusCode: 202, headers: { 'x-progress': '0 of 1 entries', 'retry-after': '2', expires: /GMT$/ } })
  t.equal((await send('DELETE', `_async/${id}`, { token })).statusCode, 202)
  t.equal((await send('GET', `_async/${id}`, { token })).statusCode, 404)
  await endAsyncRequest(database, id, { status: 200 })
  t.equal((await send('GET', `_async/${id}`)).statusCode, 404)
})

t.test('cancelling a transaction while it is being done leaves nothing of it', async t => {
  const identifier = [{ system: 'urn:test', value: 'cancelled' }]
  const native = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, identifier }
  // Compartments are being joined, which every write waits for.
  await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    const location = await laterOf('', { body: bundleOf('transaction', native) })
    await someoneWaits(database)
    t.equal((await send('DELETE', location)).statusCode, 202)
    t.equal((await send('GET', location)).statusCode, 404)
  })
  const isBusy = () =>
    database.maybeOne(sql.fragment`
      SELECT FROM queue.job WHERE name = 'async-request' AND state IN ('created', 'retry', 'active')`)
  while ((await isBusy()) !== undefined) await pause(50)
  t.equal((await send('GET', 'Observation?identifier=urn:test|cancelled&_summary=count')).json().total, 0)
})

t.test('an answer is kept as one, so that cancelling at that moment is no fault of the server', async t => {
  const asked = { request: 'r', name: 'search-type', target: 'Observation', prefer: {}, body: null, total: 1 } as const
  const { hash } = await database.one<{ hash: Buffer }>(sql.fragment`SELECT hash FROM token LIMIT 1`)
  const id = await addAsyncRequest(database, hash, asked)
  const cancelled: Connection = {
    ...database,
    run: async statement => {
      const rows = await database.run(statement)
      await database.run(sql.fragment`DELETE FROM async_request WHERE id = ${id}`)
      return rows
    },
  }
  t.equal(await keepAnswer(cancelled, id, { part: 0, entries: '', done: 1 }), true)
  t.equal(await keepAnswer(database, id, { part: 0, entries: '', done: 1 }), false)
})

t.test('if the token is revoked while a batch is being done, the rest of it is not done', async t => {
  const service = { subject: { kind: 'client' }, scope: 'system/*.cruds', policies: ['everything'] } as const
  const [token, other] = [await world.token(service), await world.token(service)]
  const identifier = [{ system: 'urn:test', value: 'stopped' }]
  const native = { resourceType: 'Observation', status: 'final', code: { text: 'x' }, identifier }
  const body = bundleOf('batch', ...Array.from({ length: 600 }, () => native))
  // Compartments are being joined, which every write waits for.
  const location = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    const location = await laterOf('', { body, token })
    await someoneWaits(database)
    await revokeToken(database, token)
    return location
  })
  t.match(await answerAt(location, other), { response: { status: /^401/ } })
  t.equal((await send('GET', 'Observation?identifier=urn:test|stopped&_summary=count')).json().total, 500)
})

t.test('what somebody loses while their batch is being done, the rest of it is done without', async t => {
  const link = [{ target: { reference: 'Patient/ann' } }]
  await send('PUT', 'Person/acting', { body: { resourceType: 'Person', id: 'acting', link } })
  const token = await world.token({ subject: { kind: 'user', person: 'acting' }, scope: 'user/*.cruds' })
  const device = { resourceType: 'Device', patient: { reference: 'Patient/ann' } }
  const entry = Array.from({ length: 600 }, () => ({ resource: device, request: { method: 'POST', url: 'Device' } }))
  const body = { resourceType: 'Bundle', type: 'batch', entry }
  // Compartments are being joined, which every write waits for.
  const location = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
    const location = await laterOf('', { body, token })
    await someoneWaits(database)
    await database.run(sql.fragment`DELETE FROM person_patient WHERE person = 'acting'`)
    return location
  })
  const { resource } = await answerAt(location, token)
  t.strictSame(statusesOf(resource as Bundle), { '201 Created': 500, '403 Forbidden': 100 })
})

t.test(
  'a part that met another change is done again as a whole, and what is refused in it is recorded once',
  async t => {
    for (const id of ['first', 'second']) await send('PUT', `Device/${id}`, { body: { resourceType: 'Device', id } })
    const service = { subject: { kind: 'client' }, scope: 'system/Device.cruds', policies: ['everything'] } as const
    const token = await world.token(service)
    const refused = { resource: { resourceType: 'Basic' }, request: { method: 'POST', url: 'Organization' } }
    const entry = [
      refused,
      refused,
      { resource: { resourceType: 'Device', id: 'first' }, request: { method: 'PUT', url: 'Device/first' } },
      { request: { method: 'DELETE', url: 'Device/second' } },
    ]
    const location = await database.transaction(async connection => {
      await connection.run(sql.fragment`SELECT FROM resource_identity WHERE id = 'second' FOR UPDATE`)
      const location = await laterOf('', { body: { resourceType: 'Bundle', type: 'batch', entry }, token })
      // It waits from its second attempt on.
      await someoneWaits(database)
      return location
    })
    const { resource } = await answerAt(location, token)
    t.strictSame(statusesOf(resource as Bundle), { '403 Forbidden': 2, '200 OK': 1, '204 No Content': 1 })
    const recorded = await database.any(
      sql.fragment`SELECT outcome FROM audit_record WHERE type = 'Organization' AND outcome = 403`,
    )
    t.strictSame(recorded, [{ outcome: 403 }, { outcome: 403 }])
  },
)

t.test('more than can be worked on is refused before it is read, with a time to come back', async t => {
  const large = bundleOf('batch', ...Array.from({ length: 600 }, (_, number) => reading(number)))
  const answers = await Promise.all([1, 2, 3].map(() => send('POST', '', { body: large })))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 200, 429])
  const refused = answers.find(({ statusCode }) => statusCode === 429)
  t.match(refused?.headers, { 'retry-after': '2' })
  t.match(refused?.json(), { resourceType: 'OperationOutcome', issue: [{ code: 'throttled' }] })
  const beside = [
    send('POST', '', { body: large, token: 'nobody' }),
    send('POST', '', { body: large, token: 'nobody' }),
  ]
  t.equal((await send('POST', '', { body: large })).statusCode, 200, 'later it is accepted, whoever else knocks')
  t.same(
    (await Promise.all(beside)).map(({ statusCode }) => statusCode),
    [401, 401],
  )
})

t.test('whoever has a Subscription written later is its subscriber, as if it had been written at once', async t => {
  const resource = {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'new heart rates',
    criteria: 'Observation?code=http://loinc.org|8867-4',
    channel: { type: 'websocket' },
  }
  const entry = [{ resource, request: { method: 'POST', url: 'Subscription' } }]
  const location = await laterOf('', { body: { resourceType: 'Bundle', type: 'batch', entry } })
  const { resource: answer } = (await answerAt(location)) as { resource: Bundle }
  const [, id = ''] = /Subscription\/([^/]+)/.exec(answer.entry?.[0]?.response?.location ?? '') ?? []
  t.match(await database.any(sql.fragment`SELECT client_id AS client FROM subscriber WHERE id = ${id}`), [
    { client: 'importer' },
  ])
})

t.test('the same bound holds for requests of another contract', async t => {
  for (const url of ['/FHIR/R5/', '/omh/v1/dataPoints?patient=nobody', '/api/v1/patients/nobody/consents']) {
    const headers = { authorization: 'Bearer everything', 'content-type': 'application/json' }
    const large = `{"x":"${'x'.repeat(300_000)}"}`
    const bodies = [1, 2, 3].map(() => new PassThrough())
    const answers = bodies.map(payload =>
      server.inject({ method: 'POST', url, headers: { ...headers, 'content-length': `${large.length}` }, payload }),
    )
    // None of the others is answered before its body has come.
    const { statusCode, headers: refused } = await Promise.race(answers)
    t.same([statusCode, refused['retry-after']], [429, '2'], url)
    for (const body of bodies) body.end(large)
    t.equal((await Promise.all(answers)).filter(answer => answer.statusCode === 429).length, 1, url)
  }
})

t.test('if a connection breaks while it is stored, nobody is told to send again what may have been', async t => {
  const { cutAt, address, end } = await openBreakingWire(world.url)
  const breaking = openDatabase(address)
  t.teardown(async () => {
    await breaking.close()
    end()
  })
  const [token] = await database.any<{ hash: Buffer }>(sql.fragment`SELECT hash FROM token LIMIT 1`)
  const requests = openAsyncRequests({ database: breaking, ask: async () => {} })
  const takeWhileCutAt = (text: string, id: string) => {
    const interaction = { name: 'transaction', path: '' }
    const request = { headers: { prefer: { respondAsync: true } }, body: bundleOf('transaction') }
    cutAt(text)
    const context = { caller: { tokenHash: token?.hash }, base: 'https://share.example.org/fhir' }
    return requests.take({ interaction, request } as never, context as never, { id } as never)
  }
  /** The database may still be at it. */
  const untilStored = async (id: string): Promise<void> => {
    const gone = await database.any(sql.fragment`DELETE FROM async_request WHERE request = ${id} RETURNING id`)
    if (gone.length === 0) return pause(5).then(() => untilStored(id))
    t.equal(gone.length, 1, id)
  }
  t.match(await takeWhileCutAt('INSERT INTO async_request', 'midway'), /_async/)
  await untilStored('midway')
  await t.rejects(takeWhileCutAt('COMMIT', 'in doubt'), { status: 500, message: /it is not known whether it was done/ })
  await untilStored('in doubt')
})

t.test('nobody has more than twenty requests in progress', async t => {
  const { hash } = await database.one<{ hash: Buffer }>(
    sql.fragment`SELECT hash FROM token WHERE client_id = 'other' LIMIT 1`,
  )
  const asked = { request: 'x', name: 'batch', target: '', prefer: {}, body: '{}', total: 1 } as const
  const added = await Promise.allSettled(Array.from({ length: 30 }, () => addAsyncRequest(database, hash, asked)))
  t.equal(added.filter(({ status }) => status === 'fulfilled').length, 20, 'however many are added at once')
  const answer = await send('POST', '', { body: bundleOf('batch'), prefer: 'respond-async', token: 'other' })
  t.match([answer.statusCode, answer.headers['retry-after']], [429, '2'])
})
