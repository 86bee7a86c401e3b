import t from 'tap'
import { inSteps } from '../../../src/fhir/give-way.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { sql } from '../../../src/storage/sql.ts'
import { at, mhealth, point, upload } from '../../mhealth/upload.ts'
import { openStudies } from '../../support/study.ts'

const secret = 'm'.repeat(32)
const world = await openStudies({ METRICS_TOKEN: secret })
const { server, database, url, open, institution, study, participant, patientToken, staffToken, send } = world
t.teardown(() => server.close())
const { organization, manager } = await institution('lab')
const sugar = await study(manager, organization, 'Sugar', ['omh:blood-glucose'])
const ann = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], 'Ann')
const app = await patientToken(ann, 'patient/*.cruds')
const researcher = await staffToken(sugar.researcher, 'user/*.rs')

const glucose = (value: number, uuid: string) =>
  upload(
    point('omh:blood-glucose:4.0', { blood_glucose: { value, unit: 'mg/dL' }, effective_time_frame: at }, { uuid }),
    { subject: { reference: `Patient/${ann}` }, device: undefined },
  )
const [first, second] = [
  glucose(95, '0a6f3c1e-5b7d-4c2a-9e8f-000000000001'),
  glucose(101, '0a6f3c1e-5b7d-4c2a-9e8f-000000000002'),
]
const { id } = (await send(app, 'POST', 'Observation', first)).json()
const { id: other } = (await send(app, 'POST', 'Observation', second)).json()

/** What a map would have made that takes mg/dL for mmol/L. */
await database.run(sql.fragment`
  UPDATE observation SET content = jsonb_set(content, '{valueQuantity}', '{"value": 95, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"}')
  WHERE id = ${id}`)
await database.run(sql.fragment`UPDATE upload_key SET map_version = ${mhealth.mapVersion - 1}`)

const deriveAnew = async () => {
  const dictionaryConnection = openDatabase(url, { poolSize: 1 })
  const derivation = {
    derivedAnew: (observation: unknown) => inSteps(mhealth.derivedAnew(observation)),
    mapVersion: mhealth.mapVersion,
  }
  const [registry, classes] = [loadRegistry(), openCodeClasses()]
  const told = await reindex({ database, dictionaryConnection, registry, classes, derivation })
  await dictionaryConnection.close()
  return told
}
/** What a server that starts now tells of itself. */
const toldAtStart = async () => {
  const starting = await open({ pauseMs: 60_000, retries: 0 })
  const { body } = await starting.inject({ url: '/metrics', headers: { authorization: `Bearer ${secret}` } })
  await starting.close()
  return body.match(/^sharewell_events_total\{event="derived-by-older-map"\} 1$/m) !== null
}
const before = await toldAtStart()
const told = await deriveAnew()

const read = async (bearer: string, query: string) => (await send(bearer, 'GET', query)).json()
const found = async (query: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: tests read into any part of an answer
  ((await read(researcher, query)).entry ?? []).map(({ resource }: any) => resource.id)

t.test(
  'an Observation to which today’s derivation gives another value gets that as its next version, and the other one stays as it was',
  async t => {
    t.match(await read(researcher, `Observation/${id}`), {
      meta: { versionId: '2' },
      valueQuantity: { value: 95, unit: 'mg/dL', code: 'mg/dL' },
    })
    t.match(await read(researcher, `Observation/${other}`), { meta: { versionId: '1' } })
    t.match(await read(app, `Observation/${id}/_history/1`), { valueQuantity: { code: 'mmol/L' } })
  },
)

t.test('a server says at its start that something is to be derived again, until that is done', async t => {
  t.equal(before, true)
  t.equal(await toldAtStart(), false)
})

t.test('it is told how many were derived anew, each of which was gone through once', t => {
  t.strictSame([told.derived, told.done], [1, told.total])
  t.end()
})

t.test('searches find it by what it says now', async t => {
  t.strictSame(await found('Observation?value-quantity=95|http://unitsofmeasure.org|mg/dL'), [id])
  t.strictSame(await found('Observation?value-quantity=gt40|http://unitsofmeasure.org|mmol/L'), [])
})

t.test('patients see in the record that the server did it, and with which data', async t => {
  const records = await database.any(sql.fragment`
    SELECT client, interaction, operation, type, cardinality(kinds) AS kinds, outcome FROM audit_record
    WHERE client = 'cli' AND operation = 'reindex'
      AND patients = ARRAY(SELECT patient_id FROM patient_compartment WHERE id = ${ann})`)
  t.strictSame(records, [
    { client: 'cli', interaction: 'update', operation: 'reindex', type: 'Observation', kinds: 1, outcome: 200 },
  ])
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  t.match(await read(app, 'AuditEvent?action=U'), {
    entry: [
      {
        resource: {
          agent: [{ name: 'Command line' }, { who: { display: 'Sharewell' } }],
          entity: [{ what: { reference: `Patient/${ann}` } }, { detail: [{ valueString: 'omh:blood-glucose' }] }],
        },
      },
    ],
  })
})

t.test('done once more it changes nothing, and neither does the document that is sent again', async t => {
  t.strictSame(await deriveAnew(), { ...told, derived: 0 })
  const again = await send(app, 'POST', 'Observation', first)
  t.equal(again.statusCode, 200)
  t.match(again.json(), { id, meta: { versionId: '2' } })
  t.match(await read(researcher, `Observation/${id}`), { meta: { versionId: '2' } })
})

t.test('it stays theirs who sent it, and what was uploaded is known to be derived by this map', async t => {
  t.match(await database.one(sql.fragment`SELECT count(DISTINCT author)::int AS authors FROM observation`), {
    authors: 1,
  })
  t.strictSame(await database.any(sql.fragment`SELECT DISTINCT map_version AS version FROM upload_key`), [
    { version: mhealth.mapVersion },
  ])
})
