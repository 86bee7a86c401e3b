import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

t.test('a full disk is answered as such, and not as a fault: the client can send again later', async t => {
  const { database } = await openTestDatabase(t)
  const full = sql.fragment`DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$`
  t.match(await database.run(full).catch(error => error), {
    status: 503,
    issues: [{ code: 'transient', message: 'The database has no room on its disk at the moment; try again later' }],
  })
})

t.test('a database that takes no writes, as after a failover, is answered as such, and not as a fault', async t => {
  const { database } = await openTestDatabase(t, { poolSize: 1 })
  await database.run(sql.fragment`SET default_transaction_read_only = on`)
  t.match(await database.run(sql.fragment`CREATE TABLE written ()`).catch(error => error), {
    status: 503,
    issues: [{ code: 'transient', message: 'The database takes no writes at the moment; try again later' }],
  })
})
