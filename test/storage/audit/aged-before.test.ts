import t from 'tap'
import { findAgedBefore } from '../../../src/storage/audit/aged-before.ts'
import { insertRecords } from '../../../src/storage/audit/record.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { sql } from '../../../src/storage/sql.ts'
import { key, opened, read } from './recorded.ts'

t.test('once something has aged, it is told to the hour from when on the record is complete', async t => {
  const database = await opened(t)
  await insertRecords(database, [read])
  await sealAudit(database, key, { now: new Date('2031-05-07T10:20:30Z') })
  t.equal(await findAgedBefore(database), undefined, 'nothing has aged yet')
  const age = (seal: number, made: string) =>
    database.run(sql.fragment`
      INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
      SELECT ${seal}, epoch, snapshot, head, 1, ${made}::timestamptz, 'key', head FROM audit_seal`)
  await age(-1, '2035-02-03T04:05:06Z')
  const six = 'nothing of the last six years, even if nothing has happened in them'
  t.strictSame(await findAgedBefore(database), new Date('2029-02-03T05:00:00Z'), six)
  await age(0, '2038-02-03T04:05:06Z')
  t.strictSame(await findAgedBefore(database), new Date('2031-05-07T11:00:00Z'), 'what is oldest is kept longer')
})
