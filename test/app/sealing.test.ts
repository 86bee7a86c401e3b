import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openSealing } from '../../src/app/sealing.ts'
import type { Event } from '../../src/events/event.ts'
import { insertRecords } from '../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { verifyAudit } from '../../src/storage/audit/seal/verify.ts'
import { openTestDatabase } from '../support/database.ts'

t.test('a server seals the record, logs the head, and leaves nothing unsealed when it stops', async t => {
  const { url, database } = await openTestDatabase(t)
  const secretKey = Buffer.alloc(32, 7)
  const told: Event[] = []
  const read = { client: 'cli', interaction: 'read', type: 'Patient', patients: [1], outcome: 200 }
  await insertRecords(database, [read])
  const sealing = openSealing({
    databaseUrl: url,
    secretKey,
    pauseMs: 5,
    tell: event => told.push(event),
    reportFault: fault => t.fail(String(fault)),
  })
  while (told.length === 0) await sleep(5)
  await insertRecords(database, [read])
  await sealing.close()
  const verdict = await verifyAudit(database, auditKeyOf(secretKey))
  t.match(verdict, { kind: 'whole', rows: 2, unsealed: 0 })
  t.match(told, [{ kind: 'audit-sealed', seal: '1', head: /^[0-9a-f]{64}$/ }], 'once an hour')
})
