import t from 'tap'
import { awaitOtherImports } from '../../../src/storage/organization/patient-import.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { statementTimeoutMs: 300 })

t.test('a list waits for the one before however long that takes, but its statements have the usual limit', async t => {
  const done: string[] = []
  const one = Promise.withResolvers<void>()
  const has = Promise.withResolvers<void>()
  const first = database.transaction(async connection => {
    await awaitOtherImports(connection, 'clinic')
    has.resolve()
    await one.promise
    done.push('one')
  })
  await has.promise
  const second = database.transaction(async connection => {
    await awaitOtherImports(connection, 'clinic')
    done.push('two')
    await t.rejects(connection.run(sql.fragment`SELECT pg_sleep(5)`), /longer than allowed/)
    throw new Error('nothing is left to commit')
  })
  await Promise.all([
    t.rejects(second, /nothing is left to commit/),
    new Promise(resolve => setTimeout(resolve, 1000)).then(() => {
      t.strictSame(done, [])
      one.resolve()
    }),
    first,
  ])
  t.strictSame(done, ['one', 'two'])
})
