import { setTimeout as pause } from 'node:timers/promises'
import type { Device, Extension, ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { givenToStudy } from '../../../src/access/consent-study.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { sql } from '../../../src/storage/sql.ts'
import { dropOldIntake } from '../../../src/storage/upload/old-intake.ts'
import { at, point, upload } from '../../mhealth/upload.ts'
import { consent, openStudies } from '../../support/study.ts'

/** Room for thirty documents of each source, three of them of one patient. */
const world = await openStudies({ QUARANTINE_DOCUMENTS: '30' }, { pauseMs: 20, retries: 1 })
const { server, database, send, create, update, enrol, institution, study, participant, patientToken, token } = world
t.teardown(() => server.close())
const administrator = await token({ subject: { kind: 'administrator' }, scope: 'user/*.cruds' })
const { organization, manager } = await institution('lab')
const sugar = await study(manager, organization, 'Sugar', ['omh:blood-glucose'])
const ann = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Ann')
const ben = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Ben')
const annsApp = await patientToken(ann, 'patient/*.cruds')
const bensApp = await patientToken(ben, 'patient/*.cruds')
const strictSource = async () =>
  (
    await create(administrator, {
      resourceType: 'Device',
      extension: [{ url: extensions.validationPolicy, valueCode: 'strict' }],
    })
  ).id

let count = 0
const glucose = (unit: string, value: unknown = 95) =>
  point(
    'omh:blood-glucose:4.0',
    { blood_glucose: { value, unit }, effective_time_frame: at },
    { uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${String(++count).padStart(12, '0')}` },
  )
const of = (patient: string, source: string, document: unknown = glucose('MGDL')) =>
  upload(document, { subject: { reference: `Patient/${patient}` }, device: { reference: `Device/${source}` } })
const bundle = (type: 'batch' | 'transaction', resources: readonly object[]) => ({
  resourceType: 'Bundle',
  type,
  entry: resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } })),
})
const keptFrom = (source: string) =>
  database.any<{
    id: string
    sent: string
    patient: string
    rule: string
    times: number
    studies: readonly string[]
  }>(sql.fragment`
    SELECT id, sent, patient, rule, pointer, schema, client_id AS client, times, state, interaction, target, version, is_lost, if_none_exist,
      ARRAY(SELECT study_id FROM quarantined_for WHERE quarantined_for.id = document.id) AS studies
    FROM quarantined_document AS document WHERE source = ${source} ORDER BY first_at, id`)
const cameFrom = (source: string) =>
  database.any(sql.fragment`
    SELECT organization, client, accepted, repaired, duplicate, refused FROM ingest WHERE source = ${source} ORDER BY at`)
// biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
const toldIn = (outcome: any): readonly string[] => outcome.issue.map((one: any) => one.diagnostics)

t.test('a document that a policy refuses is kept as it came, with its reason, and the sender gets its id', async t => {
  const source = await strictSource()
  const extension = '"extension":[{"url":"http://example.org/x","valueDecimal":1.10}]'
  const sent = JSON.stringify(of(ann, source)).replace('"status"', `${extension},"status"`)
  const answer = await send(annsApp, 'POST', 'Observation', sent)
  t.equal(answer.statusCode, 422)
  const [one, ...others] = await keptFrom(source)
  t.strictSame(others, [])
  const { id, ...kept } = one ?? { id: '' }
  t.strictSame(kept, {
    sent,
    patient: ann,
    rule: 'schema-broken',
    pointer: '/body/blood_glucose/unit',
    schema: 'omh:blood-glucose:4.0',
    client: 'cli',
    times: 1,
    state: 'waiting',
    interaction: 'create',
    target: null,
    version: null,
    is_lost: false,
    if_none_exist: null,
    studies: [sugar.id],
  })
  t.match(toldIn(answer.json())[1], `It is kept in quarantine as ${id}: `)
})

t.test('the same again from the same source for the same patient is counted, and kept once', async t => {
  const source = await strictSource()
  const document = glucose('MGDL')
  for (const patient of [ann, ann, ben])
    await send(patient === ann ? annsApp : bensApp, 'POST', 'Observation', of(patient, source, document))
  const same = of(ann, source, document)
  const { entry } = (await send(annsApp, 'POST', '', bundle('batch', [same, same]))).json()
  t.strictSame(
    (await keptFrom(source)).map(({ patient, times }) => [patient, times]),
    [
      [ann, 4],
      [ben, 1],
    ],
  )
  t.equal(toldIn(entry[0].response.outcome)[1], toldIn(entry[1].response.outcome)[1])
})

t.test(
  'what is sent again stands there as it comes now: for what it is refused, and with what it refers to',
  async t => {
    const source = await create<Device>(administrator, {
      resourceType: 'Device',
      extension: [{ url: extensions.validationPolicy, valueCode: 'strict' }],
    })
    const document = glucose('mg/dL', 'high')
    const bare = attached(JSON.stringify(document.body))
    const fullUrl = 'urn:uuid:6f4c8f0e-8f3b-4d0e-9d57-0c7f1f1f0002'
    const sent = { ...of(ann, source.id, document), ...bare, hasMember: [{ reference: fullUrl }] }
    const together = bundle('transaction', [of(ann, source.id, glucose('mg/dL', 96)), sent])
    const [first, ...rest] = together.entry
    const stands = async () => (await keptFrom(source.id)).map(({ rule, ...one }) => [rule, { ...one }])
    t.equal((await send(annsApp, 'POST', '', { ...together, entry: [{ fullUrl, ...first }, ...rest] })).statusCode, 422)
    t.match(await stands(), [['header-missing', { is_lost: true, times: 1 }]])
    const { extension: _, ...lenient } = source
    await update(administrator, lenient)
    t.equal((await send(annsApp, 'POST', 'Observation', sent)).statusCode, 422)
    t.match(await stands(), [['schema-broken', { is_lost: false, times: 2 }]])
  },
)

t.test('what waits does so since it came first, and what was settled, since it has come again', async t => {
  const source = await strictSource()
  const document = of(ann, source)
  const post = () => send(annsApp, 'POST', 'Observation', document)
  const longAgo = async (state: string) => {
    await database.run(sql.fragment`
      UPDATE quarantined_document SET first_at = now() - interval '9 days', tried_at = now(), refusal = 'no', settled_by = 'somebody',
        observation = 'one', state = ${state} WHERE source = ${source}`)
    await post()
    return database.one<object>(sql.fragment`
      SELECT state, now() - first_at > interval '8 days' AS "isOld", tried_at, refusal, settled_by, observation
      FROM quarantined_document WHERE source = ${source}`)
  }
  await post()
  const anew = { state: 'waiting', tried_at: null, refusal: null, settled_by: null, observation: null }
  t.strictSame({ ...(await longAgo('waiting')) }, { ...anew, isOld: true })
  t.strictSame({ ...(await longAgo('removed')) }, { ...anew, isOld: false })
})

t.test('what nobody had registered yet counts as of who has, once it is sent again', async t => {
  const gil = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Gil')
  const [app, source] = [await patientToken(gil, 'patient/*.cruds'), await strictSource()]
  const document = of(gil, source)
  const ownerAt = async (owner: string | null) => {
    await database.run(sql.fragment`UPDATE patient SET owner = ${owner} WHERE id = ${gil}`)
    await send(app, 'POST', 'Observation', document)
    return database.one(sql.fragment`SELECT organization FROM quarantined_document WHERE source = ${source}`)
  }
  t.match([await ownerAt(null), await ownerAt(organization)], [{ organization: /^$/ }, { organization }])
})

t.test(
  'what is sent again after a withdrawal is shown only to studies with which such data is shared then',
  async t => {
    const other = await study(manager, organization, 'Other', ['omh:blood-glucose'])
    const cleo = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Cleo')
    const app = await patientToken(cleo, 'patient/*.cruds patient/Consent.cruds')
    const first = (await send('everything', 'GET', `Consent?patient=Patient/${cleo}`)).json().entry[0].resource
    const { id: _, meta: __, ...consent } = first
    await create(manager, {
      resourceType: 'ResearchSubject',
      status: 'on-study',
      study: { reference: `ResearchStudy/${other.id}` },
      individual: { reference: `Patient/${cleo}` },
    })
    const given = await create('everything', { ...consent, provision: givenToStudy(other.id, consent.provision) })
    const source = await strictSource()
    const document = of(cleo, source, glucose('MGDL'))
    const toldTo = async () => {
      t.equal((await send(app, 'POST', 'Observation', document)).statusCode, 422)
      return (await keptFrom(source)).map(one =>
        [...(one as unknown as { studies: readonly string[] }).studies].toSorted(),
      )
    }
    t.strictSame(await toldTo(), [[sugar.id, other.id].toSorted()])
    const ended = await send('everything', 'PUT', `Consent/${given.id}`, { ...given, status: 'inactive' })
    t.equal(ended.statusCode, 200, ended.body)
    t.strictSame(await toldTo(), [[sugar.id]])
  },
)

t.test('what is sent after a withdrawal is not shown to a study that only keeps what it had before', async t => {
  const kinds = ['omh:blood-glucose']
  const { id } = await study(manager, organization, 'Keeping', kinds)
  const found: ResearchStudy = (await send(manager, 'GET', `ResearchStudy/${id}`)).json()
  const keeps = (one: Extension): Extension =>
    one.url === extensions.patientText
      ? { ...one, extension: [...(one.extension ?? []), { url: 'withdrawal', valueCode: 'keep' }] }
      : one
  await update(manager, { ...found, extension: (found.extension ?? []).map(keeps) })
  const eve = await participant(manager, organization, id, kinds, 'Eve')
  const evesApp = await patientToken(eve, 'patient/*.cruds patient/Consent.cruds')
  const { entry } = (await send(evesApp, 'GET', 'Consent')).json()
  await update(evesApp, { ...entry[0].resource, status: 'inactive' })
  await enrol(manager, sugar.id, eve)
  await create(evesApp, consent(eve, sugar.id, organization, kinds))
  const source = await strictSource()
  t.equal((await send(evesApp, 'POST', 'Observation', of(eve, source))).statusCode, 422)
  t.strictSame(
    (await keptFrom(source)).map(({ studies }) => studies),
    [[sugar.id]],
  )
})

t.test(
  'a study is told of what was refused of the kinds shared with it, or of no kind, while anything is shared with it',
  async t => {
    const hearts = await study(manager, organization, 'Hearts', ['omh:heart-rate'])
    const fay = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Fay')
    const fays = await patientToken(fay, 'patient/*.cruds patient/Consent.cruds')
    await enrol(manager, hearts.id, fay)
    const given = await create(fays, consent(fay, hearts.id, organization, ['omh:heart-rate']))
    const toldOf = async (document: (source: string) => object) => {
      const source = await strictSource()
      t.equal((await send(fays, 'POST', 'Observation', document(source))).statusCode, 422)
      return (await keptFrom(source)).map(({ studies }) => [...studies].toSorted())
    }
    const ofNoKind = (source: string) => ({ ...of(fay, source), ...attached('no JSON'), code: { text: 'Sugar' } })
    const both = [sugar.id, hearts.id].toSorted()
    t.strictSame([await toldOf(source => of(fay, source)), await toldOf(ofNoKind)], [[[sugar.id]], [both]])
    await update(fays, { ...given, status: 'inactive' })
    t.strictSame(await toldOf(ofNoKind), [[sugar.id]])
  },
)

t.test('nothing is kept from somebody who may not write it, and that is neither told nor counted', async t => {
  const source = await strictSource()
  const answer = await send(bensApp, 'POST', 'Observation', of(ann, source))
  t.strictSame([answer.statusCode, toldIn(answer.json()).length], [422, 1])
  const heart = point('omh:heart-rate:2.0', { heart_rate: { value: 64, unit: 'bpm' }, effective_time_frame: at })
  t.equal(
    (await send(annsApp, 'POST', 'Observation', of(ann, source, heart))).statusCode,
    422,
    'she shares no such kind',
  )
  t.strictSame([await keptFrom(source), await cameFrom(source)], [[], []])
})

t.test('one patient fills at most a tenth of the room of a source, and what finds no room is told so', async t => {
  const source = await strictSource()
  const five = Array.from({ length: 5 }, () => of(ann, source))
  const { entry } = (await send(annsApp, 'POST', '', bundle('batch', five))).json()
  t.strictSame(
    // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
    entry.map(({ response }: any) => [response.status.slice(0, 3), toldIn(response.outcome)[1]?.slice(0, 14)]),
    [...Array(3).fill(['422', 'It is kept in ']), ...Array(2).fill(['422', 'It is not kept'])],
  )
  t.match(toldIn((await send(bensApp, 'POST', 'Observation', of(ben, source))).json())[1], /^It is kept/)
  t.strictSame(
    (await keptFrom(source)).map(({ patient }) => patient),
    [ann, ann, ann, ben],
  )
})

t.test('what was accepted or removed takes no room, and none is left for it if it is sent again', async t => {
  const source = await strictSource()
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => of(ann, source))
  const isKept = async (document = first) =>
    toldIn((await send(annsApp, 'POST', 'Observation', document)).json())[1]?.startsWith('It is kept')
  t.strictSame([await isKept(first), await isKept(second), await isKept(third)], [true, true, true])
  t.equal(await isKept(fourth), false)
  const [{ id = '' } = {}] = await keptFrom(source)
  await database.run(sql.fragment`UPDATE quarantined_document SET state = 'removed' WHERE id = ${id}::uuid`)
  t.equal(await isKept(fourth), true)
  t.equal(await isKept(first), false)
})

const header = { user_id: `Patient/${ben}` }
const withUser = (document: ReturnType<typeof glucose>) => ({ ...document, header: { ...document.header, ...header } })
const attached = (bytes: Buffer | string) => ({
  valueAttachment: { contentType: 'application/json', data: Buffer.from(bytes).toString('base64') },
})
const brackets = '['.repeat(100_000) + ']'.repeat(100_000)
const having = (part: string) =>
  attached(JSON.stringify(glucose('mg/dL')).replace('"body":{', `"body":{"part":${part},`))
const perDay = (denominator: string) => {
  const statistic = { descriptive_statistic: 'average', descriptive_statistic_denominator: denominator }
  const body = { blood_glucose: { value: 95, unit: 'mg/dL' }, effective_time_frame: at, ...statistic }
  return { ...glucose('mg/dL'), body }
}
const another = {
  url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Observation.value',
  ...attached(JSON.stringify(glucose('mmol/L', 5))),
}
const unacceptable: readonly (readonly [
  rule: string,
  pointer: string,
  schema: string,
  more: object,
  document?: unknown,
])[] = [
  ['json-broken', '', 'unknown', attached('{"header":{')],
  ['encoding-broken', '', 'unknown', attached(Buffer.from([0x7b, 0xff, 0xfe]))],
  ['base64-broken', '', 'unknown', { valueAttachment: { contentType: 'application/json', data: '{"header":{}}' } }],
  ['nested-too-deep', '', 'omh:blood-glucose:4.0', having(brackets)],
  ['number-too-large', '', 'omh:blood-glucose:4.0', having('1e999')],
  ['unit-unreadable', '/body/descriptive_statistic_denominator', 'omh:blood-glucose:4.0', {}, perDay('d\u0001')],
  [
    'schema-untold',
    '',
    'unknown',
    { ...attached('{"glucose":95}'), code: { coding: [{ system: 'http://loinc.org', code: '2339-0' }] } },
  ],
  ['documents-differ', '', 'omh:blood-glucose:4.0', { extension: [another] }],
  ['contradiction', 'Observation.value', 'omh:blood-glucose:4.0', { valueString: 'high' }],
  ['subject-differs', 'Observation.subject', 'unknown', {}, withUser(glucose('mg/dL'))],
  ['observation-broken', 'Observation.status', 'omh:blood-glucose:4.0', { status: 'ready' }],
  ['observation-broken', 'Observation', 'omh:blood-glucose:4.0', { secret: 'one' }],
]

t.test('what no policy accepts is kept as well, if the Observation around it says whose it is', async t => {
  for (const [rule, pointer, schema, more, document = glucose('mg/dL')] of unacceptable) {
    const source = await strictSource()
    const sent = { ...of(ann, source, document), ...more }
    const answer = await send(annsApp, 'POST', 'Observation', sent)
    t.match(toldIn(answer.json()).at(-1), /^It is kept in quarantine as /, rule)
    t.match(await keptFrom(source), [{ patient: ann, rule, pointer, schema, studies: [sugar.id] }], rule)
    t.ok((await keptFrom(source))[0]?.sent === JSON.stringify(sent))
    t.match(await cameFrom(source), [{ refused: 1 }], rule)
  }
})

t.test('what has no patient, or no document, cannot be attributed: it is refused, and not kept', async t => {
  const source = await strictSource()
  const bodies: readonly (object | string)[] = [
    '{"resourceType":"Observation",',
    { ...of(ann, source), subject: undefined },
    { ...of(ann, source), ...attached('{'), subject: { identifier: { value: ann } } },
    { ...of(ann, source), valueAttachment: { contentType: 'image/png', data: 'AAAA' } },
    { ...of(ann, source), valueAttachment: undefined, status: 'ready' },
  ]
  for (const body of bodies) {
    const answer = await send(annsApp, 'POST', 'Observation', body)
    t.notMatch(answer.body, 'quarantine')
    t.equal(Math.floor(answer.statusCode / 100), 4)
  }
  t.strictSame([await keptFrom(source), await cameFrom(source)], [[], []])
})

t.test('a document of no recognizable kind is kept if its sender may send something for this patient', async t => {
  const source = await strictSource()
  const sent = { ...of(ann, source), ...attached('no JSON'), code: { text: 'Sugar' } }
  const narrow = async (code: string) => patientToken(ann, `patient/Observation.cruds?code=${code}`)
  const none = (
    await create(manager, {
      resourceType: 'Patient',
      managingOrganization: { reference: `Organization/${organization}` },
    })
  ).id
  const nothing = { ...sent, subject: { reference: `Patient/${none}` } }
  t.notMatch((await send(bensApp, 'POST', 'Observation', sent)).body, 'quarantine')
  t.notMatch((await send(await narrow('omh:heart-rate'), 'POST', 'Observation', sent)).body, 'quarantine')
  t.notMatch(
    (await send(await patientToken(none, 'patient/*.cruds'), 'POST', 'Observation', nothing)).body,
    'quarantine',
  )
  t.strictSame(await keptFrom(source), [])
  for (const app of [await narrow('omh:blood-glucose'), annsApp])
    t.match((await send(app, 'POST', 'Observation', sent)).body, 'It is kept in quarantine as')
  t.match(await keptFrom(source), [
    { patient: ann, rule: 'json-broken', schema: 'unknown', times: 2, studies: [sugar.id] },
  ])
})

const odd: readonly object[] = [
  ...['x', 5, [], { reference: 5 }, { reference: 'Patient/\0' }].map(subject => ({ subject })),
  ...['x', [{}], { coding: 'x' }, { coding: [null] }, { coding: [{ code: 'a\0' }, { code: '\ud800' }] }].map(code => ({
    code,
  })),
  { code: { coding: [{ system: 'y'.repeat(250), code: 'x'.repeat(5000) }] } },
  ...[5, { reference: 'Device/\ud800' }, []].map(device => ({ device })),
  ...['x', {}, [null], [{ code: [] }], [{ code: { coding: [{ code: {} }] } }]].map(component => ({ component })),
  ...['x', {}, [{}], [{ reference: 'Observation/\0' }]].map(derivedFrom => ({ derivedFrom })),
  ...['x', { start: 5 }, { start: '9999999-01-01', end: '\0' }].map(effectivePeriod => ({ effectivePeriod })),
  ...[5, '\0', '2026-99-99'].map(effectiveDateTime => ({ effectiveDateTime })),
  { extension: [null, 5] },
  { meta: 5, contained: [5], id: 5, hasMember: 5 },
]

t.test('however broken an Observation is around its document, it is refused and not a fault', async t => {
  const source = await strictSource()
  const sent = odd.map(more => ({ ...of(ann, source), ...attached('no JSON'), ...more }))
  const { entry } = (await send(annsApp, 'POST', '', bundle('batch', sent))).json()
  // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
  for (const [index, { response }] of entry.map((one: any) => one).entries())
    t.match(response.status, /^4/, JSON.stringify(odd[index]).slice(0, 80))
})

t.test(
  'a transaction is undone as a whole, and its refused documents are kept, each reported with its place',
  async t => {
    const source = await strictSource()
    const { id } = (await send(annsApp, 'POST', 'Observation', of(ann, source, glucose('mg/dL')))).json()
    const changed = { ...of(ann, source), id }
    const lost = { ...of(ann, source), hasMember: [{ reference: 'urn:uuid:6f4c8f0e-8f3b-4d0e-9d57-0c7f1f1f0001' }] }
    const entry = (method: string, url: string, resource: object) => ({ resource, request: { method, url } })
    const sent = {
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          ...entry('POST', 'Observation', of(ann, source, glucose('mg/dL', 96))),
          fullUrl: lost.hasMember[0]?.reference,
        },
        entry('PUT', `Observation/${id}`, changed),
        entry('POST', 'Observation', lost),
      ],
    }
    const answer = await send(annsApp, 'POST', '', sent)
    t.equal(answer.statusCode, 422)
    // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
    const told = answer.json().issue.map((one: any) => [one.severity, one.expression[0], one.diagnostics.slice(0, 14)])
    const place = (index: number) => `Bundle.entry[${index}]`
    t.match(told, [
      ['error', `${place(1)}.resource.valueAttachment`, '/body/blood_gl'],
      ['information', place(1), 'It is kept in '],
      ['error', `${place(2)}.resource.valueAttachment`, '/body/blood_gl'],
      ['information', place(2), 'It is kept in '],
    ])
    t.equal((await send(annsApp, 'GET', `Observation?device=${source}&_summary=count`)).json().total, 1)
    const asked = { interaction: 'update', target: id, version: 1, is_lost: false }
    t.match(await keptFrom(source), [
      { ...asked, sent: JSON.stringify(changed) },
      { interaction: 'create', target: null, version: null, is_lost: true, sent: JSON.stringify(lost) },
    ])
    t.match((await cameFrom(source)).at(-1), { accepted: 0, refused: 2 })
  },
)

t.test('nothing is kept of a transaction that is refused for something else', async t => {
  const source = await strictSource()
  const { body } = await send(
    annsApp,
    'POST',
    '',
    bundle('transaction', [{ resourceType: 'Observation' }, of(ann, source)]),
  )
  t.notMatch(body, 'quarantine')
  t.strictSame(await keptFrom(source), [])
})

t.test('an update is kept with the version that it was to change, if its sender may change that', async t => {
  const source = await strictSource()
  const { id } = (await send(annsApp, 'POST', 'Observation', of(ann, source, glucose('mg/dL')))).json()
  const sent = { ...of(ann, source), id }
  const put = (app: string, url: string, body: object, headers: object = {}) =>
    server.inject({
      method: 'PUT',
      url: `/fhir/Observation${url}`,
      headers: { authorization: `Bearer ${app}`, 'content-type': 'application/fhir+json', ...headers },
      payload: body,
    })
  for (const answer of [
    await put(bensApp, `/${id}`, sent),
    await put(annsApp, `/${id}`, { ...sent, subject: { reference: `Patient/${ben}` } }),
    await put(annsApp, '/not-there', { ...sent, id: 'not-there' }),
    await put(annsApp, `/${id}`, sent, { 'if-match': 'W/"7"' }),
    await put(annsApp, `/${id}`, { ...sent, id: 'another' }),
  ])
    t.notMatch(answer.body, 'quarantine')
  t.strictSame(await keptFrom(source), [])
  t.match((await put(annsApp, `/${id}`, sent)).body, 'It is kept in quarantine as')
  t.match((await put(annsApp, `?_id=${id}`, { ...sent, id: undefined })).body, 'It is kept in quarantine as')
  t.match(
    (await put(annsApp, '?identifier=x|1', { ...sent, id: undefined, status: 'preliminary' })).body,
    'It is kept in quarantine as',
  )
  const asked = { interaction: 'update', state: 'waiting' }
  t.match(await keptFrom(source), [
    { ...asked, target: id, version: 1, times: 2 },
    { ...asked, target: null, version: null, if_none_exist: 'identifier=x%7C1' },
  ])
})

t.test('an update that would move a reading to another patient is not kept, whoever may write for both', async t => {
  const source = await strictSource()
  await registerClient(database, { id: 'hub', name: 'Hub', organization, policies: ['data-submission'] })
  const hub = await token({ subject: { kind: 'client' }, client: 'hub', scope: 'system/Observation.cu' })
  const { id } = (await send(hub, 'POST', 'Observation', of(ann, source, glucose('mg/dL')))).json()
  const moved = await send(hub, 'PUT', `Observation/${id}`, { ...of(ben, source), id })
  t.strictSame([moved.statusCode, toldIn(moved.json()).length, await keptFrom(source)], [422, 1, []])
  t.match((await send(hub, 'PUT', `Observation/${id}`, { ...of(ann, source), id })).body, 'It is kept in quarantine as')
  t.match(await keptFrom(source), [{ patient: ann, interaction: 'update', target: id, version: 1 }])
})

t.test(
  'an update is kept of a sender who may change what there is, and add nothing, with where it came from',
  async t => {
    const { id } = (await send(annsApp, 'POST', 'Observation', of(ann, await strictSource(), glucose('mg/dL')))).json()
    const source = await strictSource()
    const sent = { ...of(ann, source), id }
    const [changes, adds] = [
      await patientToken(ann, 'patient/Observation.u'),
      await patientToken(ann, 'patient/Observation.c'),
    ]
    t.notMatch((await send(adds, 'PUT', `Observation/${id}`, sent)).body, 'quarantine')
    t.notMatch((await send(changes, 'POST', 'Observation', of(ann, source))).body, 'quarantine')
    t.strictSame(await keptFrom(source), [])
    t.match((await send(changes, 'PUT', `Observation/${id}`, sent)).body, 'It is kept in quarantine as')
    t.match(await keptFrom(source), [{ interaction: 'update', target: id, version: 1, times: 1, studies: [sugar.id] }])
  },
)

t.test('patches and $validate keep nothing, since the stored resource is not affected', async t => {
  const source = await strictSource()
  t.equal((await send(annsApp, 'POST', 'Observation/$validate', of(ann, source))).statusCode, 200)
  const { id } = (await send(annsApp, 'POST', 'Observation', of(ann, source, glucose('mg/dL')))).json()
  const patched = await server.inject({
    method: 'PATCH',
    url: `/fhir/Observation/${id}`,
    headers: { authorization: `Bearer ${annsApp}`, 'content-type': 'application/json-patch+json' },
    payload: [
      {
        op: 'replace',
        path: '/extension/0/valueAttachment/data',
        value: Buffer.from(JSON.stringify(glucose('MGDL'))).toString('base64'),
      },
    ],
  })
  t.equal(patched.statusCode, 422)
  t.strictSame(await keptFrom(source), [])
})

t.test('every other API that accepts documents keeps them as well', async t => {
  const source = await strictSource()
  const at = (url: string, type: string, payload: object | string, headers: object = {}) =>
    server.inject({
      method: 'POST',
      url,
      headers: { authorization: `Bearer ${bensApp}`, 'content-type': type, ...headers },
      payload,
    })
  const fhir = 'application/fhir+json'
  const entry = [
    { resource: { ...of(ben, source), ...attached('one') }, request: { method: 'POST', url: 'Observation' } },
  ]
  const sent = (type: string, text: string) => ({
    resourceType: 'Bundle',
    type,
    entry: entry.map(one => ({ ...one, resource: { ...one.resource, ...attached(text) } })),
  })
  t.match((await at('/FHIR/R5', fhir, sent('batch', 'of R5'))).body, 'It is kept in quarantine as')
  t.match(
    (await at('/fhir/$submit-cgm-bundle', fhir, sent('transaction', 'of CGM'))).body,
    'It is kept in quarantine as',
  )
  const point = await at('/omh/v1/dataPoints', 'application/json', '{"header":')
  t.match(toldIn(point.json())[1], 'It is kept in quarantine as')
  for (const type of ['batch', 'transaction']) {
    const asked = await at('/fhir', fhir, sent(type, 'later'), { prefer: 'respond-async' })
    t.match(await laterAt(String(asked.headers['content-location'])), 'It is kept in quarantine as', type)
  }
  t.strictSame(
    (await keptFrom(source)).map(({ rule, times }) => [rule, times]),
    [
      ['json-broken', 1],
      ['json-broken', 1],
      ['json-broken', 2],
    ],
  )
  const ofBen = (await keptFrom('')).filter(({ patient }) => patient === ben)
  t.match(ofBen, [{ rule: 'json-broken', schema: 'unknown', times: 1, studies: [sugar.id] }])
})

const laterAt = async (location: string): Promise<string> => {
  for (;;) {
    const { statusCode, body } = await send(bensApp, 'GET', location)
    if (statusCode !== 202) return body
    await pause(50)
  }
}

t.test('keeping a document is recorded as the request that sent it, for the patient', async t => {
  const source = await strictSource()
  const { id } = (await send(annsApp, 'POST', 'Observation', of(ann, source, glucose('mg/dL')))).json()
  const last = async () =>
    database.one(sql.fragment`
      SELECT interaction, type, outcome, patients = ARRAY[(SELECT patient_id FROM patient_compartment WHERE id = ${ann})] AS "isAnns",
        cardinality(kinds) AS kinds
      FROM audit_record WHERE outcome = 202 ORDER BY id DESC LIMIT 1`)
  await send(annsApp, 'PUT', `Observation/${id}`, { ...of(ann, source), id })
  t.match(await last(), { interaction: 'update', type: 'Observation', isAnns: true, kinds: 1 })
  await send(annsApp, 'POST', 'Observation', { ...of(ann, source), ...attached('?'), code: { text: 'Sugar' } })
  t.match(await last(), { interaction: 'create', type: 'Observation', isAnns: true, kinds: 0 })
})

t.test('each upload leaves a row of its results, by source', async t => {
  const [source, strict] = [(await create(administrator, { resourceType: 'Device' })).id, await strictSource()]
  const good = glucose('mg/dL')
  const resources = [
    of(ann, source, good),
    of(ann, source),
    of(ann, strict),
    of(ann, source, glucose('mg/dL', 'high')),
    of(ben, source),
  ]
  await send(annsApp, 'POST', '', bundle('batch', resources))
  await send(annsApp, 'POST', 'Observation', of(ann, source, good))
  const row = { organization, client: 'cli', accepted: 0, repaired: 0, duplicate: 0, refused: 0 }
  t.strictSame(await cameFrom(source), [
    { ...row, accepted: 2, repaired: 1, refused: 1 },
    { ...row, duplicate: 1 },
  ])
  t.strictSame(await cameFrom(strict), [{ ...row, refused: 1 }])
})

t.test('a document that only names its source in its header counts as coming from there', async t => {
  const extension = [{ url: extensions.validationPolicy, valueCode: 'strict' }]
  const { id } = await create(administrator, { resourceType: 'Device', manufacturer: 'Tidewell', extension })
  const datasheets = [{ datasheet_type: 'manufacturer', datasheet_reference: 'Tidewell' }]
  const post = async (unit: string) => {
    const { header, body } = glucose(unit)
    const { device: _, ...resource } = of(ann, '', { header: { ...header, external_datasheets: datasheets }, body })
    return (await send(annsApp, 'POST', 'Observation', resource)).statusCode
  }
  t.strictSame([await post('MGDL'), await post('mg/dL')], [422, 201])
  t.match(await keptFrom(id), [{ patient: ann, times: 1 }])
  const row = { organization, client: 'cli', repaired: 0, duplicate: 0 }
  t.match(await cameFrom(id), [
    { ...row, accepted: 0, refused: 1 },
    { ...row, accepted: 1, refused: 0 },
  ])
})

t.test('only what last came longer ago than configured is removed', async t => {
  const source = await strictSource()
  await send(annsApp, 'POST', 'Observation', of(ann, source))
  await dropOldIntake(database, 1)
  t.equal((await keptFrom(source)).length, 1)
  await database.run(sql.fragment`UPDATE quarantined_document SET last_at = now() - interval '25 hours'`)
  await database.run(sql.fragment`UPDATE ingest SET at = now() - interval '25 hours'`)
  await dropOldIntake(database, 2)
  t.equal((await keptFrom(source)).length, 1)
  await dropOldIntake(database, 1)
  t.strictSame([await keptFrom(source), await cameFrom(source)], [[], []])
})
