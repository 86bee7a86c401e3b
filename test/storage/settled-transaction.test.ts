import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { settledTransaction } from '../../src/storage/settled-transaction.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { openBreakingWire } from '../support/wire.ts'

const { url, database: direct } = await openTestDatabase(t)
const wire = await openBreakingWire(url)
const breaking = openDatabase(wire.address)
t.teardown(async () => {
  await breaking.close()
  wire.end()
})

const add = (id: string) => {
  let tries = 0
  return settledTransaction(breaking, async connection => {
    tries += 1
    await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', ${id})`)
    return tries
  })
}
const isThere = async (id: string) =>
  (await direct.any(sql.fragment`SELECT FROM principal WHERE kind = 'client' AND id = ${id}`)).length > 0

t.test('a commit that was done before the connection was lost counts as done', async t => {
  wire.cutAt('COMMIT')
  t.equal(await add('done'), 1)
  t.ok(await isThere('done'))
})

t.test('a commit that never arrived is said to be nothing done, and can be sent again', async t => {
  wire.cutBefore('COMMIT')
  t.match(await add('lost').catch(error => error), {
    status: 503,
    message: 'The connection to the database was lost before anything was done; try again',
  })
  t.notOk(await isThere('lost'))
  t.equal(await add('lost'), 1)
  t.ok(await isThere('lost'))
})

t.test('a connection that is lost before the commit is retried, as in any transaction', async t => {
  wire.cutAt('again')
  t.equal(await add('again'), 2)
  t.ok(await isThere('again'))
})
