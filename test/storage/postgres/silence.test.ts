import type { Socket } from 'node:net'
import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { withDatabase } from '../../support/database.ts'
import { openWire } from '../../support/wire.ts'

t.test('a silent database is not waited for, and asked again over a new connection', async t => {
  const { url, close } = await withDatabase()
  const wire = await openSilentWire(url)
  const database = openDatabase(wire.address, { poolSize: 1, statementTimeoutMs: 400 })
  t.teardown(async () => {
    await database.close()
    wire.end()
    await close()
  })
  const one = sql.fragment`SELECT 1 AS one`
  t.strictSame(await database.one(one), { one: 1 })
  wire.silence()
  t.match(await database.one(one).catch(error => error), { status: 503, issues: [{ code: 'transient' }] })
  t.strictSame(await database.one(one), { one: 1 })

  wire.silence()
  let tries = 0
  await database.transaction(async connection => {
    tries += 1
    await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'moved')`)
  })
  t.equal(tries, 1, 'a transaction that could not begin is tried again')
  t.strictSame(await database.any(sql.fragment`SELECT id FROM principal WHERE kind = 'client'`), [{ id: 'moved' }])

  const doubted = await database
    .transaction(async connection => {
      await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'in doubt')`)
      wire.silence()
    })
    .catch(error => error)
  t.match(doubted, { status: 500, issues: [{ code: 'exception', message: /it is not known whether it was done/ }] })
})

t.test('a database that takes a connection and says nothing is not waited for, and asked again', async t => {
  const { url, close } = await withDatabase()
  let isHung = true
  const wire = await openWire(url, (near, far) => {
    if (isHung) return
    near.pipe(far)
    far.pipe(near)
  })
  const database = openDatabase(wire.address, { poolSize: 1, connectTimeoutMs: 500 })
  t.teardown(async () => {
    await database.close()
    wire.end()
    await close()
  })
  const one = sql.fragment`SELECT 1 AS one`
  const answers = await Promise.all([1, 2].map(() => database.one(one).catch(error => error)))
  for (const answer of answers) t.match(answer, { status: 503, issues: [{ code: 'transient' }] })
  isHung = false
  t.strictSame(await database.one(one), { one: 1 })
})

/** A connection to the database that goes silent when asked, without an error. A new connection works. */
const openSilentWire = async (url: string) => {
  const pairs: (readonly [Socket, Socket])[] = []
  const wire = await openWire(url, (near, far) => {
    near.pipe(far)
    far.pipe(near)
    pairs.push([near, far])
  })
  return {
    ...wire,
    silence: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far)
        far.unpipe(near)
      }
    },
  }
}
