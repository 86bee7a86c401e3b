import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openSealing } from '../../src/app/sealing.ts'
import type { Event } from '../../src/events/event.ts'
import { insertRecords } from '../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { findAuditHead } from '../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../src/storage/audit/seal/verify.ts'
import { openTestDatabase } from '../support/database.ts'

const secretKey = Buffer.alloc(32, 7)
const read = { client: 'cli', interaction: 'read', type: 'Patient', patients: [1], outcome: 200 }
const head = /^[0-9a-f]{64}$/
const sealingOf = (databaseUrl: string, told: Event[]) =>
  openSealing({
    databaseUrl,
    secretKey,
    pauseMs: 5,
    tell: event => told.push(event),
    reportFault: fault => {
      throw fault
    },
  })

t.test('a server seals the record, logs the head, and leaves nothing unsealed or unlogged when it stops', async t => {
  const { url, database } = await openTestDatabase(t)
  const told: Event[] = []
  await insertRecords(database, [read])
  const sealing = sealingOf(url, told)
  while (told.length === 0) await sleep(5)
  await insertRecords(database, [read])
  await sealing.close()
  const verdict = await verifyAudit(database, auditKeyOf(secretKey))
  t.match(verdict, { kind: 'whole', rows: 2, unsealed: 0 })
  const kind = 'audit-sealed'
  t.match(
    told,
    [
      { kind, seal: '1', head },
      { kind, head },
    ],
    'once at the start, and once at the end',
  )
  t.strictSame(told.at(-1), { kind, ...(await findAuditHead(database)) })
})

t.test('the head of what was sealed last is logged within an hour, even if nothing is recorded after it', async t => {
  const { url, database } = await openTestDatabase(t)
  const clock = openClock(t)
  const told: Event[] = []
  await insertRecords(database, [read])
  const sealing = sealingOf(url, told)
  while (told.length === 0) await sleep(5)
  await insertRecords(database, [read])
  const isSealed = async () => (await findAuditHead(database))?.seal === '2'
  while (!(await isSealed())) await sleep(5)
  t.equal(told.length, 1, 'not before the hour is over')
  clock.skipHour()
  while (told.length === 1) await sleep(5)
  t.match(told.at(-1), { kind: 'audit-sealed', seal: '2', head })
  clock.skipHour()
  await sleep(50)
  await sealing.close()
  t.equal(told.length, 2, 'and not once more')
})

const openClock = (t: Test) => {
  const { now } = performance
  let skippedMs = 0
  performance.now = () => now.call(performance) + skippedMs
  t.teardown(() => {
    performance.now = now
  })
  return {
    skipHour: () => {
      skippedMs += 3_600_000
    },
  }
}
