import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { dropOldIntake } from '../../src/storage/old-intake.ts'
import { sql } from '../../src/storage/sql.ts'
import { at, point, upload } from '../mhealth/upload.ts'
import { openStudies } from '../support/study.ts'

/** Room for thirty of each source, three of them of one patient. */
const world = await openStudies({ QUARANTINE_DOCUMENTS: '30' })
const { server, database, send, create, institution, study, participant, patientToken, token } = world
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
  database.any<{ id: string; sent: string; patient: string; rule: string; times: number }>(sql.fragment`
    SELECT id, sent, patient, rule, pointer, schema, client_id AS client, times, state,
      ARRAY(SELECT study_id FROM quarantined_for WHERE quarantined_for.id = document.id) AS studies
    FROM quarantined_document AS document WHERE source = ${source} ORDER BY first_at, id`)
const cameFrom = (source: string) =>
  database.any(sql.fragment`
    SELECT organization, client, accepted, repaired, duplicate, refused FROM ingest WHERE source = ${source} ORDER BY at`)
// biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
const toldIn = (outcome: any): readonly string[] => outcome.issue.map((one: any) => one.diagnostics)

t.test('what a policy refuses is kept as it came, with its reason, and its sender is told under which id', async t => {
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

t.test('nothing is kept for who may not write it, and nothing of that is told or counted', async t => {
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

t.test('one patient fills a tenth of the room of a source, and what finds none is told so', async t => {
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

t.test('transactions, updates and $validate keep nothing: their sender has all of it still', async t => {
  const source = await strictSource()
  t.equal((await send(annsApp, 'POST', '', bundle('transaction', [of(ann, source)]))).statusCode, 422)
  t.equal((await send(annsApp, 'POST', 'Observation/$validate', of(ann, source))).statusCode, 200)
  const { id } = (await send(annsApp, 'POST', 'Observation', of(ann, source, glucose('mg/dL')))).json()
  t.equal((await send(annsApp, 'PUT', `Observation/${id}`, { ...of(ann, source), id })).statusCode, 422)
  t.strictSame(await keptFrom(source), [])
})

t.test('each upload leaves a row of what became of it, by source', async t => {
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

t.test('what names its source in its header alone came from there as well', async t => {
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

t.test('what came last longer ago than is configured is forgotten, and nothing else', async t => {
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
