import t from 'tap'
import { insertRecords } from '../../../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../../src/storage/audit/seal/seal.ts'
import { readUnsealed } from '../../../../src/storage/audit/seal/unsealed.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { openTestDatabase } from '../../../support/database.ts'

const read = { client: 'cli', interaction: 'read', type: 'Patient', patients: [1], outcome: 200 }

t.test('what no seal covers yet is counted, also what was under way when the last was made', async t => {
  const { database } = await openTestDatabase(t)
  const key = auditKeyOf(Buffer.alloc(32, 7))
  t.strictSame(await readUnsealed(database), { count: 0, seconds: 0 })
  await insertRecords(database, [read, read])
  t.equal((await readUnsealed(database)).count, 2)
  await database.transaction(async late => {
    await late.run(sql.fragment`SELECT pg_current_xact_id()`)
    await sealAudit(database, key)
    t.equal((await readUnsealed(database)).count, 0)
    await insertRecords(late, [read])
  })
  await insertRecords(database, [read])
  const { count, seconds } = await readUnsealed(database)
  t.equal(count, 2)
  t.ok(seconds > 0)
  t.equal((await readUnsealed(database, 1)).count, 1, 'and no more are looked at than asked')
  await sealAudit(database, key)
  t.strictSame(await readUnsealed(database), { count: 0, seconds: 0 })
})
