import { randomBytes } from 'node:crypto'
import type { DocumentReference } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openWorld } from '../model/world.ts'

// What a connection has read is counted when that connection asks.
const { database, importer, close } = await openWorld({ poolSize: 1 })
t.teardown(close)

/** So long that PostgreSQL stores it beside its row. */
const document = (number: number, description: string): DocumentReference => ({
  resourceType: 'DocumentReference',
  id: `letter-${number}`,
  status: 'current',
  description,
  content: [{ attachment: { contentType: 'application/pdf', data: attachment } }],
})
const attachment = randomBytes(3000).toString('base64')
const put = async (...resources: readonly DocumentReference[]) =>
  (await importer.write(resources.map(resource => ({ kind: 'update', id: resource.id ?? '', resource })))).map(
    ({ outcome }) => outcome,
  )

const rowsRead = async (): Promise<number> => {
  await database.any(sql.fragment`SELECT pg_stat_force_next_flush()`)
  const { rows } = await database.one<{ rows: number }>(
    sql.fragment`SELECT seq_tup_read::int AS rows FROM pg_stat_user_tables WHERE relname = 'document_reference'`,
  )
  return rows
}

t.test('an update reads the resource that it changes, and no other of its type', async t => {
  const many = 300
  await put(...Array.from({ length: many }, (_, number) => document(number, 'as it came')))
  await database.run(sql.fragment`ANALYZE document_reference`)
  const before = await rowsRead()
  t.strictSame(await put(document(7, 'put right')), ['updated'])
  t.strictSame(await put(document(7, 'put right')), ['unchanged'])
  const read = (await rowsRead()) - before
  t.ok(read < many, `${read} rows`)
})
