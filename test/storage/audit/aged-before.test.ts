import t from 'tap'
import { ageAudit } from '../../../src/storage/audit/age.ts'
import { findAgedBefore } from '../../../src/storage/audit/aged-before.ts'
import { insertRecords } from '../../../src/storage/audit/record.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { aged, key, read } from './recorded.ts'

t.test('once something has aged, it is told to the hour from when on the record is complete', async t => {
  const { database } = await aged(t, 2)
  await insertRecords(database, [read])
  await sealAudit(database, key, { now: new Date('2031-05-07T10:20:30Z') })
  t.equal(await findAgedBefore(database), undefined, 'nothing has aged yet')
  t.equal(await ageAudit(database, key, 6), 4)
  t.strictSame(await findAgedBefore(database), new Date('2031-05-07T11:00:00Z'))
})
