import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

t.test('it is counted how often and how long somebody waits for a connection, and who waits now', async t => {
  const { database } = await openTestDatabase(t, { poolSize: 1 })
  await database.run(sql.fragment`SELECT 1`)
  t.match(database.use().planned, { most: 1, open: 1, idle: 1, waiting: 0, waits: 0, waitedMs: 0 })
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const holding = database.transaction(() => held)
  const second = database.run(sql.fragment`SELECT 2`)
  const third = database.run(sql.fragment`SELECT 3`)
  t.match(database.use().planned, { idle: 1, waiting: 3 }, 'the first of them is given the idle one in a moment')
  letGo()
  await Promise.all([holding, second, third])
  const { waits, waitedMs, waiting } = database.use().planned
  t.strictSame([waits, waiting], [2, 0])
  t.ok(waitedMs > 0)
  t.match(database.use().kept, { most: 1, open: 0, waits: 0 })
})
