import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'
import * as w from '../model/world.ts'

const { server, database, url, token } = await fhirWorld()
t.teardown(() => server.close())
const all = { authorization: 'Bearer everything' }

const heartRate = (patient: string, id: string): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
})
for (const patient of ['ann', 'bob', 'eve']) {
  await server.inject({
    method: 'PUT',
    url: `/fhir/Patient/${patient}`,
    headers: all,
    payload: { resourceType: 'Patient', id: patient, name: [{ family: 'Secret' }], gender: 'female' },
  })
  if (patient !== 'eve')
    await server.inject({
      method: 'PUT',
      url: `/fhir/Observation/${patient}-1`,
      headers: all,
      payload: heartRate(patient, `${patient}-1`),
    })
}
const ann = await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/Observation.cruds' })
const asAnn = { authorization: `Bearer ${ann}` }

type Row = Readonly<Record<string, unknown>>

/** What was recorded while it ran, in order, with the names of patients and kinds. */
const recordedBy = async (run: () => Promise<unknown>): Promise<readonly Row[]> => {
  const { last } = await database.one<{ last: string }>(
    sql.fragment`SELECT coalesce(max(id), 0)::text AS last FROM audit_record`,
  )
  await run()
  return database.any<Row>(sql.fragment`
    SELECT interaction, type, resource, client, patient, outcome, query, operation,
      ARRAY(SELECT compartment.id FROM patient_compartment AS compartment
        WHERE compartment.patient_id = ANY(patients) ORDER BY compartment.id) AS patients,
      ARRAY(SELECT kind.key FROM kind WHERE kind.kind_id = ANY(kinds)) AS kinds
    FROM audit_record WHERE id > ${last}::bigint ORDER BY id`)
}
const row = (of: Row): Row => ({
  type: null,
  resource: null,
  client: 'importer',
  patient: null,
  outcome: 200,
  query: null,
  operation: null,
  patients: [],
  kinds: [],
  ...of,
})
const kinds = ['omh:heart-rate']

t.test('a read is recorded: who read whose data, and of which kind', async t => {
  const read = () => server.inject({ url: '/fhir/Observation/ann-1', headers: asAnn })
  t.strictSame(await recordedBy(read), [
    row({
      interaction: 'read',
      type: 'Observation',
      resource: 'ann-1',
      client: 'cli',
      patient: 'ann',
      patients: ['ann'],
      kinds,
    }),
  ])
})

t.test(
  'a search is recorded in its own words, without values that identify somebody, and with all patients whose data was answered',
  async t => {
    const search = (query: string) => () => server.inject({ url: `/fhir/${query}`, headers: all })
    t.strictSame(
      await recordedBy(
        search('Observation?code=http://loinc.org|8867-4&patient.name=Secret&_include=Observation:subject&_count=5'),
      ),
      [
        row({
          interaction: 'search-type',
          type: 'Observation Patient',
          patients: ['ann', 'bob'],
          kinds,
          query: 'code=http://loinc.org|8867-4&patient.name=…&_include=Observation:subject&_count=5',
        }),
      ],
    )
    t.strictSame(
      await recordedBy(
        search(
          'Patient?gender=female&birthdate=1980-01-01&identifier=a|b&email=a@example.org&_id=ann&_tag:not=a|Secret',
        ),
      ),
      [
        row({
          interaction: 'search-type',
          type: 'Patient',
          patients: ['ann'],
          query: 'gender=female&birthdate=…&identifier=…&email=…&_id=…&_tag:not=…',
        }),
      ],
    )
    t.strictSame(
      await recordedBy(search('Condition?patient=ann')),
      [row({ interaction: 'search-type', type: 'Condition', patients: ['ann'], query: 'patient=…' })],
      'whom it asked for by name, also where nothing was found',
    )
  },
)

t.test('a request with an expired token is recorded, once a minute; an unknown token tells of nobody', async t => {
  const over = await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.rs' })
  await database.run(sql.fragment`UPDATE token SET revoked_at = now() WHERE hash = sha256(${over}::bytea)`)
  const get = (bearer: string, path: string) => async () => {
    const headers = { authorization: `Bearer ${bearer}` }
    t.equal((await server.inject({ url: `/fhir/${path}`, headers })).statusCode, 401)
  }
  const tried = {
    client: 'cli',
    patient: 'ann',
    interaction: 'read',
    type: 'Observation',
    resource: 'ann-1',
    outcome: 401,
  }
  t.strictSame(await recordedBy(get(over, 'Observation/ann-1')), [row(tried)])
  t.strictSame(await recordedBy(get(over, 'Observation/ann-1')), [])
  t.strictSame(await recordedBy(get('a'.repeat(43), 'Observation/ann-1')), [])
})

t.test('a condition that does not hold is recorded, since it asks what is there', async t => {
  const create = () =>
    server.inject({
      method: 'POST',
      url: '/fhir/Patient',
      headers: { ...all, 'if-none-exist': 'family=Secret' },
      payload: { resourceType: 'Patient' },
    })
  const [last] = (await recordedBy(create)).slice(-1)
  t.match(last, { interaction: 'create', type: 'Patient', outcome: 412 })
})

t.test('what is refused because of what somebody has given already is recorded for them', async t => {
  for (const resource of [
    w.organization('lab'),
    w.study('sleep', 'lab', [w.requests('omh:heart-rate')]),
    w.registered('joy', 'lab'),
    w.enrols('sleep', 'joy'),
  ])
    await server.inject({
      method: 'PUT',
      url: `/fhir/${resource.resourceType}/${resource.id}`,
      headers: all,
      payload: resource,
    })
  const given = w.consent('sleep', 'joy', 'active', [w.permit('omh:heart-rate')])
  const asking = (method: 'POST' | 'PUT', url: string, payload: object, statusCode: number) => async () =>
    t.match(await server.inject({ method, url: `/fhir/${url}`, headers: all, payload }), { statusCode })
  await asking('POST', 'Consent', given, 201)()
  const refused = { type: 'Consent', patients: ['joy'], outcome: 409 }
  t.strictSame(await recordedBy(asking('POST', 'Consent', given, 409)), [row({ ...refused, interaction: 'create' })])
  t.strictSame(await recordedBy(asking('PUT', 'Consent/more', { ...given, id: 'more' }, 409)), [
    row({ ...refused, interaction: 'update', resource: 'more' }),
  ])
  const wrong = { ...given, status: 'never' }
  t.strictSame(await recordedBy(asking('POST', 'Consent', wrong, 422)), [], 'what is wrong in itself tells nothing')
})

t.test('refused requests are recorded', async t => {
  const get = (path: string) => () => server.inject({ url: `/fhir/${path}`, headers: asAnn })
  const refused = { client: 'cli', patient: 'ann' }
  t.strictSame(await recordedBy(get('Observation/bob-1')), [
    row({ ...refused, interaction: 'read', type: 'Observation', resource: 'bob-1', outcome: 404 }),
  ])
  t.strictSame(await recordedBy(get('Patient/ann')), [
    row({ ...refused, interaction: 'read', type: 'Patient', resource: 'ann', outcome: 403 }),
  ])
  const write = () =>
    server.inject({ method: 'POST', url: '/fhir/Observation', headers: asAnn, payload: heartRate('bob', 'x') })
  t.strictSame(await recordedBy(write), [row({ ...refused, interaction: 'create', type: 'Observation', outcome: 403 })])
  const batch = () =>
    server.inject({
      method: 'POST',
      url: '/fhir',
      headers: asAnn,
      payload: {
        resourceType: 'Bundle',
        type: 'batch',
        entry: [
          { request: { method: 'GET', url: 'Observation/bob-1' } },
          { request: { method: 'POST', url: 'Condition' }, resource: { resourceType: 'Condition' } },
        ],
      },
    })
  t.strictSame(await recordedBy(batch), [
    row({ ...refused, interaction: 'read', type: 'Observation', resource: 'bob-1', outcome: 404 }),
    row({ ...refused, interaction: 'create', type: 'Condition', outcome: 403 }),
  ])
})

t.test('a write is recorded in the same commit', async t => {
  const put = () =>
    server.inject({ method: 'PUT', url: '/fhir/Observation/ann-2', headers: all, payload: heartRate('ann', 'ann-2') })
  t.strictSame(await recordedBy(put), [
    row({ interaction: 'update', type: 'Observation', resource: 'ann-2', outcome: 201, patients: ['ann'], kinds }),
  ])
  const transaction = () =>
    server.inject({
      method: 'POST',
      url: '/fhir',
      headers: all,
      payload: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { request: { method: 'POST', url: 'Observation' }, resource: heartRate('bob', 'new') },
          { request: { method: 'GET', url: 'Patient/ann' } },
          { request: { method: 'DELETE', url: 'Observation/ann-2' } },
        ],
      },
    })
  t.strictSame(await recordedBy(transaction), [
    row({ interaction: 'transaction', type: 'Observation Patient', outcome: 200, patients: ['ann', 'bob'], kinds }),
  ])
})

t.test('an answer in lines is recorded page by page before it is sent, and an operation by its name', async t => {
  const lines = () =>
    server.inject({ url: '/fhir/Observation?_sort=_id', headers: { ...all, accept: 'application/fhir+ndjson' } })
  t.strictSame(await recordedBy(lines), [
    row({ interaction: 'search-type', type: 'Observation', patients: ['ann', 'bob'], kinds, query: '_sort=_id' }),
  ])
  const everything = () => server.inject({ url: '/fhir/Patient/eve/$everything?_type=Patient', headers: all })
  const rows = await recordedBy(everything)
  t.strictSame(
    rows.map(({ operation, interaction, type, patients }) => ({ operation, interaction, type, patients })),
    [
      { operation: '$everything', interaction: 'read', type: 'Patient', patients: ['eve'] },
      { operation: '$everything', interaction: 'search-type', type: 'Patient', patients: ['eve'] },
    ],
  )
})

t.test('figures are recorded with the kinds of the data from which they are made', async t => {
  const measured = {
    ...heartRate('cas', 'cas-1'),
    effectiveDateTime: '2026-03-01T12:00:00Z',
    valueQuantity: { value: 70, system: 'http://unitsofmeasure.org', code: '/min' },
  }
  for (const resource of [{ resourceType: 'Patient', id: 'cas' }, measured] as const)
    await server.inject({
      method: 'PUT',
      url: `/fhir/${resource.resourceType}/${resource.id}`,
      headers: all,
      payload: resource,
    })
  const code = 'code=http://loinc.org|8867-4'
  for (const [operation, query] of [
    ['$stats', '&statistic=count'],
    ['$series', '&start=2026-01-01&end=2026-12-31&unit=/min'],
  ] as const) {
    const ask = (patient: string) => () =>
      server.inject({ url: `/fhir/Observation/${operation}?subject=Patient/${patient}&${code}${query}`, headers: all })
    const asked = row({ interaction: 'search-type', operation, type: 'Observation', query: code })
    t.strictSame(await recordedBy(ask('cas')), [{ ...asked, patients: ['cas'], kinds }])
    t.strictSame(await recordedBy(ask('eve')), [{ ...asked, patients: ['eve'] }], 'without data there are no kinds')
  }
})

t.test('a very long query is recorded only as far as somebody would read it', async t => {
  const long = 'x'.repeat(20_000)
  const figures = (code = long) =>
    server.inject({
      url: `/fhir/Observation/$stats?subject=Patient/ann&statistic=count&code=http://loinc.org|${encodeURIComponent(code)}`,
      headers: all,
    })
  const [stats] = await recordedBy(figures)
  t.equal(stats?.query, `code=http://loinc.org|${'x'.repeat(478)}…`)
  const [astral] = await recordedBy(() => figures(`x${'😀'.repeat(300)}`))
  t.equal(astral?.query, `code=http://loinc.org|x${'😀'.repeat(238)}…`, 'no letter is cut in two')
  const entry = Array.from({ length: 30 }, (_, index) => ({
    resource: heartRate('ann', ''),
    request: { method: 'PUT', url: `Observation?code=http://loinc.org|${index}-${'x'.repeat(400)}` },
  }))
  const bundle = () =>
    server.inject({
      method: 'POST',
      url: '/fhir',
      headers: { ...all, 'content-type': 'application/fhir+json' },
      payload: { resourceType: 'Bundle', type: 'transaction', entry },
    })
  const rows = await recordedBy(bundle)
  t.ok(rows.some(({ query }) => query !== null))
  for (const { query } of rows) t.ok(String(query).length <= 4001, String(query).slice(0, 100))
})

t.test('$lastn is recorded as it was asked, like a search', async t => {
  const askAbout = (patient: string) => () =>
    server.inject({
      url: `/fhir/Observation/$lastn?patient=${patient}&code=http://loinc.org|8867-4&max=1`,
      headers: all,
    })
  const query = 'patient=…&code=http://loinc.org|8867-4'
  const recorded = { interaction: 'search-type', operation: '$lastn', query, kinds }
  t.match(await recordedBy(askAbout('ann')), [{ ...recorded, patients: [/^ann$/] }])
  t.match(
    await recordedBy(askAbout('ann,eve')),
    [{ ...recorded, patients: [/^ann$/, 'eve'] }],
    'whoever has none as well',
  )
})

t.test('a search of several types is recorded as one, for the patient whom it is about', async t => {
  for (const url of ['Patient/ann/$everything', 'Patient/ann/*?_count=1', 'Patient/ann/*?_summary=count']) {
    const rows = await recordedBy(() => server.inject({ url: `/fhir/${url}`, headers: all }))
    const searches = rows.filter(({ interaction }) => interaction !== 'read')
    t.strictSame(
      searches.map(({ interaction, patients }) => ({ interaction, patients })),
      [{ interaction: 'search-type', patients: ['ann'] }],
      url,
    )
    const [{ type } = { type: '' }] = searches
    t.ok(
      ['Patient', 'Condition', 'Observation'].every(one => String(type).split(' ').includes(one)),
      `${url}: ${type}`,
    )
  }
})

t.test('nothing is answered before its record is durable', async t => {
  const blocker = openDatabase(url, { poolSize: 1 })
  t.teardown(() => blocker.close())
  let answered = false
  const { promise: freed, resolve: free } = Promise.withResolvers<void>()
  const { promise: locked, resolve: lock } = Promise.withResolvers<void>()
  const blocking = blocker.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE audit_record IN EXCLUSIVE MODE`)
    lock()
    await freed
  })
  await locked
  const asked = server.inject({ url: '/fhir/Observation/ann-1', headers: asAnn }).then(answer => {
    answered = true
    return answer
  })
  await untilWaiting()
  t.notOk(answered, 'it has been read and waits for its record')
  free()
  await blocking
  t.equal((await asked).statusCode, 200)
})

t.test('if nothing can be recorded, nothing is answered and nothing is written', async t => {
  await database.run(sql.fragment`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER refuse BEFORE INSERT ON audit_record FOR EACH ROW EXECUTE FUNCTION refuse()`)
  const read = await server.inject({ url: '/fhir/Observation/ann-1', headers: asAnn })
  const put = await server.inject({
    method: 'PUT',
    url: '/fhir/Observation/ann-9',
    headers: all,
    payload: heartRate('ann', 'ann-9'),
  })
  await database.run(sql.fragment`DROP TRIGGER refuse ON audit_record`)
  t.equal(read.statusCode, 503)
  t.match(read.json().issue[0].diagnostics, /cannot be recorded/)
  t.equal(put.statusCode, 500)
  t.equal((await server.inject({ url: '/fhir/Observation/ann-9', headers: all })).statusCode, 404)
})

t.test(
  'if it cannot be recorded what was refused, nothing beside it is written and then answered as not written',
  async t => {
    await database.run(sql.fragment`
    CREATE TRIGGER refuse BEFORE INSERT ON audit_record FOR EACH ROW WHEN (NEW.outcome >= 400)
    EXECUTE FUNCTION refuse()`)
    const put = (id: string, ifMatch?: string) => ({
      resource: { resourceType: 'Patient', id },
      request: { method: 'PUT', url: `Patient/${id}`, ...(ifMatch && { ifMatch }) },
    })
    const payload = { resourceType: 'Bundle', type: 'batch', entry: [put('new'), put('ann', 'W/"99"')] }
    const answer = await server.inject({ method: 'POST', url: '/fhir', headers: all, payload })
    await database.run(sql.fragment`DROP TRIGGER refuse ON audit_record`)
    const [first, second] = answer.json().entry
    const isThere = (await server.inject({ url: '/fhir/Patient/new', headers: all })).statusCode === 200
    t.strictSame([first.response.status === '201 Created', /^5/.test(second.response.status)], [isThere, true])
  },
)

t.test('many requests at once are recorded in few commits', async t => {
  const read = () => server.inject({ url: '/fhir/Observation/ann-1', headers: asAnn })
  const rows = await recordedBy(() => Promise.all(Array.from({ length: 40 }, read)))
  const { commits } = await database.one<{ commits: number }>(sql.fragment`
    SELECT count(DISTINCT xact)::integer AS commits FROM (SELECT xact FROM audit_record ORDER BY id DESC LIMIT 40) AS last`)
  t.equal(rows.length, 40)
  t.ok(commits < 40, `${commits} commits`)
})

t.test('a search with a NUL is refused before it is recorded, and recording goes on', async t => {
  const get = (path: string) => () => server.inject({ url: `/fhir/${path}`, headers: asAnn })
  t.strictSame(await recordedBy(get('Observation?code=a%00b')), [])
  t.equal((await get('Observation?code=a%00b')()).statusCode, 400)
  t.has(await recordedBy(get('Observation/ann-1')), [{ interaction: 'read', resource: 'ann-1', outcome: 200 }])
})

/** Waits until somebody waits for a lock of the table. */
async function untilWaiting(): Promise<void> {
  for (;;) {
    const { waits } = await database.one<{ waits: boolean }>(sql.fragment`
      SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'audit_record'::regclass AND NOT granted) AS waits`)
    if (waits) return
  }
}
