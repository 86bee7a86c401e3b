import t from 'tap'
import { type Connection, openDatabase } from '../../src/storage/database.ts'
import { beginJoining, holdBesideJoinings } from '../../src/storage/other-joining.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { someoneAsks, someoneWaits } from '../support/someone-waits.ts'

/** Whoever waits for a lock gives up soon. */
const { url, database } = await openTestDatabase(t, { statementTimeoutMs: 1500 })
const other = openDatabase(url)
t.teardown(() => other.close())
await other.run(sql.fragment`CREATE TABLE reading AS SELECT 0 AS version`)
const change = (connection: Connection) => connection.run(sql.fragment`UPDATE reading SET version = version + 1`)

/** Changes it, and counts how often that was tried. */
const changing = () => {
  const tried = { times: 0 }
  const done = database.writing(async connection => {
    tried.times += 1
    return change(connection)
  })
  return { tried, done }
}

t.test('whoever waits for what a joining has moved, for as long as they may, tries again after its end', async t => {
  const writer = await other.transaction(async connection => {
    await beginJoining(connection)
    await change(connection)
    const begun = changing()
    await someoneWaits(connection)
    await someoneAsks(connection, 'pg_try_advisory_xact_lock_shared')
    return begun
  })
  await writer.done
  t.equal(writer.tried.times, 2)
})

t.test('whoever waits for somebody who joins nothing is told to try again', async t => {
  await other.transaction(async connection => {
    await change(connection)
    const { tried, done } = changing()
    await t.rejects(done, /The database was busy with a conflicting change; try again/)
    t.equal(tried.times, 1)
  })
})

t.test('a joining gives way to any number of others', async t => {
  let met = 0
  const joined = await database.writing(async connection => {
    if (met === 8) {
      await beginJoining(connection)
      return 'joined'
    }
    met += 1
    return other.transaction(async first => {
      await beginJoining(first)
      return beginJoining(connection)
    })
  })
  t.same([joined, met], ['joined', 8])
})

t.test(
  'whoever wants what is held by somebody who is about to join gives way at once, and comes again afterwards',
  async t => {
    const lock = sql.fragment`hashtext('wanted by two')`
    const [held, met] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const done: string[] = []
    const first = database.writing(async connection => {
      await holdBesideJoinings(connection, lock, 'try again')
      held.resolve()
      await met.promise
      await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
      done.push('first')
    })
    await held.promise
    const second = database.writing(async connection => {
      await holdBesideJoinings(connection, lock, 'try again').finally(met.resolve)
      done.push('second')
    })
    await Promise.all([first, second])
    t.same(done, ['first', 'second'])
  },
)
