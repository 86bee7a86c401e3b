import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../src/access/access.ts'
import { openCodeClasses } from '../../src/fhir/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { type Connection, openDatabase } from '../../src/storage/database.ts'
import { openStores } from '../../src/storage/resources.ts'
import type { Write } from '../../src/storage/store.ts'
import { heartRate, receive, upload } from '../mhealth/upload.ts'
import { withDatabase } from '../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url, { poolSize: 2 })
const dictionaryConnection = openDatabase(url, { poolSize: 1 })
t.teardown(async () => {
  await Promise.all([database.close(), dictionaryConnection.close()])
  await close()
})

/** What writing has asked of PostgreSQL. */
const asked = { statements: 0, rows: 0 }
const noting = (connection: Connection): Connection => ({
  ...connection,
  any: async <Row>(query: Parameters<Connection['any']>[0]) => {
    const rows = await connection.any<Row>(query)
    asked.statements += 1
    asked.rows += rows.length
    return rows
  },
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
/** One heartbeat, as it is told under a uuid of its own. */
const told = (ofWhom: string, number: number, status: Status = 'final', hour = 8): Write => {
  const { header, body } = heartRate()
  const changed = `2026-03-01T${String(hour).padStart(2, '0')}:00:00Z`
  const from = { acquisition_provenance: { source_name: 'meter', source_last_modification_date_time: changed } }
  const uuid = `0a6f3c1e-5b7d-4c2a-9e8f-${String(number).padStart(12, '0')}`
  const subject = { reference: `Patient/${ofWhom}` }
  const sent = upload({ header: { ...header, ...from, uuid }, body }, { status, subject, device: undefined })
  const { resource, uploadKey } = receive(sent)
  return { kind: 'create', resource, ...(uploadKey && { uploadKey }) }
}
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)
const written = async (writes: readonly Write[]) => {
  Object.assign(asked, { statements: 0, rows: 0 })
  const all = await store.write(writes)
  return all.map(one => `${one.outcome} ${'versionId' in one ? one.versionId : ''}`)
}

t.test('what was measured once and is told very often in one Bundle is not asked about for each', async t => {
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

t.test('what is corrected or taken back among them is answered in its place, as if they came one by one', async t => {
  const story = (ofWhom: string): readonly Write[] => [
    ...numbers(12).map(number => told(ofWhom, number)),
    // A document that is known by its uuid, of which the source has something else to say.
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
