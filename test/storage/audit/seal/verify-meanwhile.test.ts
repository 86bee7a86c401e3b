import t from 'tap'
import { ageAudit } from '../../../../src/storage/audit/age.ts'
import { verifyAudit } from '../../../../src/storage/audit/seal/verify.ts'
import type { Connection, Database } from '../../../../src/storage/database.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { someoneWaits } from '../../../support/someone-waits.ts'
import { aged, key } from '../recorded.ts'

/** The database, of which the second answer with rows comes only once `before` is done: the seals are read then, and what they seal is not. */
const pausing = (database: Database, before: (connection: Connection) => Promise<unknown>): Database => {
  let answers = 0
  const paused = (connection: Connection): Connection => ({
    ...connection,
    any: async fragment => {
      const rows = await connection.any(fragment)
      if (rows.length > 0 && ++answers === 2) await before(connection)
      // biome-ignore lint/suspicious/noExplicitAny: whatever was asked for
      return rows as any
    },
  })
  return { ...database, ...paused(database), transaction: run => database.transaction(one => run(paused(one))) }
}

t.test('nothing ages while the record is verified: what had gone would look as if somebody had removed it', async t => {
  const { database, heads } = await aged(t, 3)
  let ageing: Promise<number> | undefined
  const verdict = await verifyAudit(
    pausing(database, connection => {
      ageing = ageAudit(database, key, 6)
      return Promise.race([ageing, someoneWaits(connection)])
    }),
    key,
  )
  t.match(verdict, { kind: 'whole', last: heads[2], rows: 6 })
  t.equal(await ageing, 6)
  t.match(await verifyAudit(database, key), { kind: 'whole', rows: 0, checkpoint: '3' })
})

t.test('of two who age the record at once, the second finds it whole, and removes nothing', async t => {
  const { database } = await aged(t, 3)
  let first: Promise<number> | undefined
  const second = ageAudit(
    pausing(database, connection => {
      first = ageAudit(database, key, 6)
      return Promise.race([first, someoneWaits(connection)])
    }),
    key,
    6,
  )
  t.equal(await second.catch(String), 0)
  t.equal(await first, 6)
})

t.test('of two who age different years at once, each removes and notes only what was left', async t => {
  const { database } = await aged(t, [8.5, 6.5])
  const removed: Promise<number>[] = []
  await verifyAudit(
    pausing(database, async connection => {
      for (const years of [8, 6]) {
        const one = ageAudit(database, key, years)
        removed.push(one)
        await Promise.race([one, someoneWaits(connection, removed.length)])
      }
    }),
    key,
  )
  t.strictSame(await Promise.all(removed), [2, 2])
  t.strictSame(await database.any(sql.fragment`SELECT seal, rows FROM audit_checkpoint ORDER BY seal`), [
    { seal: '1', rows: '2' },
    { seal: '2', rows: '2' },
  ])
})
