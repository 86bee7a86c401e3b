import t from 'tap'
import { insertRecords } from '../../../../src/storage/audit/record.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { readDisclosures } from '../../../../src/storage/audit/shown/disclosures.ts'
import { type SqlFragment, sql } from '../../../../src/storage/sql.ts'
import { key, opened, read } from '../recorded.ts'

t.test('an account of any length is read in parts, each of which has its own time', async t => {
  const database = await opened(t)
  await database.run(sql.fragment`INSERT INTO patient_compartment (id, patient_id) VALUES ('ann', 7)`)
  const numbers = Array.from({ length: 2100 }, (_, number) => number)
  // In one statement, so that many have the same moment.
  for (const half of [numbers.slice(0, 1500), numbers.slice(1500)]) {
    await insertRecords(
      database,
      half.map(number => ({ ...read, patients: [7], resource: `${number}`, query: `_count=${number}` })),
    )
  }
  await sealAudit(database, key)
  let longest = 0
  const connection = {
    ...database,
    any: async <Row>(statement: SqlFragment): Promise<readonly Row[]> => {
      const rows = await database.any<Row>(statement)
      longest = Math.max(longest, rows.length)
      return rows
    },
  }
  const told = await readDisclosures(connection, { patient: 'ann' })
  t.equal(told.length, numbers.length)
  t.strictSame(new Set(told.map(({ query }) => query)), new Set(numbers.map(number => `_count=${number}`)))
  t.strictSame(
    told.map(({ recorded }) => recorded.getTime()),
    told.map(({ recorded }) => recorded.getTime()).toSorted((one, other) => other - one),
    'newest first',
  )
  t.equal(longest, 1000)
})
