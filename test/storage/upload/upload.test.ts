import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { type Access, fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { type Connection, openDatabase } from '../../../src/storage/database.ts'
import { openStores } from '../../../src/storage/open-stores.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Write } from '../../../src/storage/store.ts'
import { heartRate, receive, upload } from '../../mhealth/upload.ts'
import { withDatabase } from '../../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url, { poolSize: 2 })
const dictionaryConnection = openDatabase(url, { poolSize: 1 })
t.teardown(async () => {
  await Promise.all([database.close(), dictionaryConnection.close()])
  await close()
})

/** What writing asked PostgreSQL for. */
const asked = { statements: 0, rows: 0, throughDevices: 0 }
const noting = (connection: Connection): Connection => ({
  ...connection,
  any: async <Row>(query: Parameters<Connection['any']>[0]) => {
    const rows = await connection.any<Row>(query)
    asked.statements += 1
    asked.throughDevices += /'serialNumber'/.test(query.sql) ? 1 : 0
    asked.rows += rows.length
    return rows
  },
  maybeOne: async <Row>(query: Parameters<Connection['any']>[0]) => (await noting(connection).any<Row>(query))[0],
  run: query => {
    asked.statements += 1
    return connection.run(query)
  },
})
const stores = await openStores({
  database: { ...database, writing: run => database.writing((connection, last) => run(noting(connection), last)) },
  dictionaryConnection,
  registry: loadRegistry(),
  classes: openCodeClasses(),
})
const author = { kind: 'client', id: 'test' } as const
const store = stores({ access: fullAccess, author, organizations: [], choosesIds: true, choosesOwner: false })

const patient = (id: string) => store.write([{ kind: 'update', id, resource: { resourceType: 'Patient', id } }])
type Status = Observation['status']
/** One heartbeat, in a document with a uuid of its own. */
const told = (ofWhom: string, number: number, status: Status = 'final', hour = 8, value = 64, minute = 0): Write => {
  const { header, body } = heartRate(value)
  const changed = new Date(Date.UTC(2026, 2, 1, hour, minute)).toISOString()
  const from = { acquisition_provenance: { source_name: 'meter', source_last_modification_date_time: changed } }
  const uuid = `0a6f3c1e-5b7d-4c2a-9e8f-${String(number).padStart(12, '0')}`
  const subject = { reference: `Patient/${ofWhom}` }
  const sent = upload({ header: { ...header, ...from, uuid }, body }, { status, subject, device: undefined })
  const { resource, uploadKey } = receive(sent)
  return { kind: 'create', resource, ...(uploadKey && { uploadKey }) }
}
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)
const written = async (writes: readonly Write[]) => {
  Object.assign(asked, { statements: 0, rows: 0, throughDevices: 0 })
  const all = await store.write(writes)
  return all.map(one => `${one.outcome} ${'versionId' in one ? one.versionId : ''}`)
}

t.test('copies of one measurement in a Bundle are not looked up one by one', async t => {
  const askedFor = async (ofWhom: string, count: number) => {
    await patient(ofWhom)
    const first = await written(numbers(count).map(number => told(ofWhom, number)))
    t.strictSame(first, ['created 1', ...Array(count - 1).fill('unchanged 1')])
    const ofFirst = { ...asked }
    t.strictSame(await written(numbers(count).map(number => told(ofWhom, number))), Array(count).fill('unchanged 1'))
    const ofSame = { ...asked }
    const others = await written(numbers(count, count).map(number => told(ofWhom, number)))
    t.strictSame(others, Array(count).fill('unchanged 1'))
    return [ofFirst, ofSame, { ...asked }]
  }
  const few = await askedFor('few', 20)
  const many = await askedFor('many', 200)
  for (const [index, { statements, rows }] of many.entries()) {
    t.ok(statements < 2 * (few[index]?.statements ?? 0), `${statements} statements, and ${few[index]?.statements}`)
    t.ok(rows < 20 * (few[index]?.rows ?? 0), `${rows} rows, and ${few[index]?.rows}`)
  }
})

t.test('corrections and deletions among them are answered in their place, as if they had come one by one', async t => {
  const story = (ofWhom: string): readonly Write[] => [
    ...numbers(12).map(number => told(ofWhom, number)),
    // The uuid of this document is known, and its source now says something else.
    told(ofWhom, 3, 'final', 10),
    ...numbers(9, 12).map(number => told(ofWhom, number)),
    told(ofWhom, 30, 'entered-in-error'),
    told(ofWhom, 31, 'entered-in-error'),
    ...numbers(12, 40).map(number => told(ofWhom, number)),
    told(ofWhom, 3, 'final', 11),
    ...numbers(3, 60).flatMap(number => [told(ofWhom, number), told(ofWhom, number, 'final', 12)]),
    ...numbers(12, 70).map(number => told(ofWhom, number)),
  ]
  await patient('together')
  await patient('in-turn')
  const together = await written(story('together'))
  const inTurn = []
  for (const one of story('in-turn')) inTurn.push(...(await written([one])))
  t.strictSame(together, inTurn)
  t.ok(new Set(together).size > 4, together.join(', '))
})

/** Everything that is stored of it, except when. */
const storedOf = async (ofWhom: string) => {
  const versions = await database.any(sql.fragment`
    SELECT every.version, method, every.content #>> '{valueQuantity,value}' AS value,
      every.content ->> 'status' AS status
    FROM (
      SELECT patient_id, pk, version, method, content FROM observation_history
      UNION ALL SELECT patient_id, pk, version, '', content FROM observation
    ) AS every
    JOIN patient USING (patient_id) WHERE patient.id = ${ofWhom} ORDER BY every.pk, every.version`)
  const contents = await database.any(sql.fragment`
    SELECT encode(digest, 'hex') AS digest, revised, is_current FROM upload_revision
    JOIN patient USING (patient_id) WHERE patient.id = ${ofWhom} ORDER BY upload_revision.pk, digest`)
  const keys = await database.any(sql.fragment`
    SELECT kind, encode(digest, 'hex') AS digest, upload_key.revised, dense_rank() OVER (ORDER BY upload_key.pk) AS of
    FROM upload_key JOIN patient USING (patient_id) WHERE patient.id = ${ofWhom} ORDER BY 1, 2, 3, 4`)
  const codes = await database.any(sql.fragment`
    SELECT code_id, value FROM observation_code
    JOIN patient USING (patient_id) WHERE patient.id = ${ofWhom} ORDER BY observation_code.pk, code_id`)
  return { versions, contents, keys, codes }
}

t.test('very many corrections of one document in a Bundle are a version each, and its row is written once', async t => {
  const corrections = (ofWhom: string, count: number) =>
    numbers(count).map(number => told(ofWhom, 1, 'final', 8, 60 + number, number))
  const askedFor = async (ofWhom: string, count: number) => {
    await patient(ofWhom)
    const answers = await written(corrections(ofWhom, count))
    t.strictSame(answers, ['created 1', ...numbers(count - 1, 2).map(version => `updated ${version}`)])
    return { ...asked }
  }
  const few = await askedFor('corrected-little', 20)
  const many = await askedFor('corrected-often', 200)
  const each = (many.statements - few.statements) / 180
  t.ok(each < 6, `${each} statements for each correction`)
  t.ok(many.rows < 20 * few.rows, `${many.rows} rows, and ${few.rows}`)
  const { versions, codes } = await storedOf('corrected-often')
  t.equal(versions.length, 200)
  t.strictSame(new Set(codes.map(one => Number((one as { value: string }).value))), new Set([259]))
  const updates = await database.one(sql.fragment`
    SELECT count(*)::integer AS rows FROM observation_history JOIN patient USING (patient_id)
    WHERE patient.id = 'corrected-often'`)
  t.strictSame(updates, { rows: 199 })
})

t.test('corrections, late documents, other uuids and deletions are stored as if they had come one by one', async t => {
  const story = (ofWhom: string): readonly Write[] => [
    ...numbers(9).map(number => told(ofWhom, 1, 'final', 8, 60 + number, number)),
    // Late: it changes nothing, and the next one only the status.
    told(ofWhom, 1, 'final', 7, 90),
    told(ofWhom, 1, 'corrected', 6, 91),
    // Another source tells what is stored already.
    told(ofWhom, 2, 'final', 8, 68),
    ...numbers(9, 9).flatMap(number => [
      told(ofWhom, 1, 'preliminary', 8, 60 + number, number),
      told(ofWhom, 5, 'final', 8, 160 + number, number),
      told(ofWhom, 1, 'final', 8, 60 + number, number),
    ]),
    told(ofWhom, 6, 'entered-in-error', 8, 177),
    told(ofWhom, 5, 'final', 9, 190),
    ...numbers(9, 18).map(number => told(ofWhom, 1, 'amended', 8, 60 + number, number)),
  ]
  await patient('corrected-together')
  await patient('corrected-in-turn')
  const together = await written(story('corrected-together'))
  const inTurn = []
  for (const one of story('corrected-in-turn')) inTurn.push(...(await written([one])))
  t.strictSame(together, inTurn)
  t.strictSame(await storedOf('corrected-together'), await storedOf('corrected-in-turn'))
})

t.test('each correction in a Bundle is judged by the state that the one before it left', async t => {
  await patient('judged')
  const asked = (query: string) => parseSearch(loadRegistry(), 'Observation', new URLSearchParams(query)).where
  const below = asked('value-quantity=lt70')
  const access: Access = (action, type) => (type !== 'Observation' || action === 'c' ? { kind: 'all' } : below)
  await written([told('judged', 1)])
  const others = stores({
    access,
    author: { kind: 'client', id: 'another' },
    organizations: [],
    choosesIds: true,
    choosesOwner: false,
    authorSince: '2100-01-01T00:00:00Z',
  })
  const values = [65, 75, 66, 67]
  const answers = await others.write(values.map((value, index) => told('judged', 1, 'final', 9, value, index)))
  t.strictSame(
    answers.map(({ outcome }) => outcome),
    ['updated', 'updated', 'refused', 'refused'],
  )
})

t.test('for very many new devices in one Bundle, the devices of the patient are searched once', async t => {
  await patient('measured')
  const measured = (number: number, datasheets: Readonly<Record<string, string>>): Write => {
    const { header, body } = heartRate(64, { effective_time_frame: { date_time: `2026-03-01T00:${10 + number}:00Z` } })
    const uuid = `0a6f3c1e-5b7d-4c2a-9e8f-${String(number).padStart(12, '0')}`
    const external_datasheets = Object.entries(datasheets).map(([datasheet_type, datasheet_reference]) => ({
      datasheet_type,
      datasheet_reference,
    }))
    const document = { header: { ...header, uuid, external_datasheets }, body }
    const { resource, uploadKey, device } = receive(
      upload(document, { subject: { reference: 'Patient/measured' }, device: undefined }),
    )
    return { kind: 'create', resource, ...(uploadKey && { uploadKey }), ...(device && { device }) }
  }
  const serials = (from: number) => numbers(20, from).map(number => measured(number, { serial: `S-${number}` }))
  const devicesOf = async () => {
    const rows = await database.any<{ device: string }>(sql.fragment`
      SELECT observation.content #>> '{device,reference}' AS device FROM observation JOIN patient USING (patient_id)
      WHERE patient.id = 'measured' ORDER BY observation.pk`)
    return rows.map(({ device }) => device)
  }
  await written(serials(0))
  t.equal(asked.throughDevices, 1)
  t.equal(new Set(await devicesOf()).size, 20)
  await written([
    measured(20, { serial: 'S-20', udi: 'U-20' }),
    measured(21, { serial: 'S-20' }),
    measured(22, { udi: 'U-20' }),
    measured(23, { serial: 'S-3', udi: 'U-3' }),
    measured(24, { serial: 'S-20', manufacturer: 'Acme' }),
    measured(25, { model: 'Sugar 3' }),
    measured(26, { model: 'Sugar 3' }),
  ])
  const [first, second, third, fourth, fifth, sixth, seventh] = (await devicesOf()).slice(20)
  t.equal(second, first, 'the serial number belongs to the one that was made before')
  t.equal(third, first)
  t.equal(fourth, (await devicesOf())[3], 'as it does to one that existed already')
  t.notOk((await devicesOf()).slice(0, 24).includes(fifth ?? ''), 'except with another manufacturer')
  t.equal(seventh, sixth, 'devices with the same description are one')
  const devices = await database.one(sql.fragment`
    SELECT count(*)::integer AS made FROM device JOIN patient USING (patient_id) WHERE patient.id = 'measured'`)
  t.strictSame(devices, { made: 23 })
})
