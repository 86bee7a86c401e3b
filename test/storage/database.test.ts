import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { type Connection, openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase, withDatabase } from '../support/database.ts'
import { someoneWaits } from '../support/someone-waits.ts'
import { openBreakingWire } from '../support/wire.ts'

t.test('more samples than are counted at once are refused as too costly, with advice how to ask for fewer', async t => {
  const { database } = await openTestDatabase(t)
  t.strictSame(await database.one(sql.fragment`SELECT few_samples(5, 5) AS few`), { few: true })
  const refused = await database.one(sql.fragment`SELECT few_samples(6, 5)`).catch(error => error)
  t.match(refused, {
    issues: [{ code: 'too-costly', message: 'There are more samples than are counted at once; choose fewer days' }],
  })
})

t.test('a commit that PostgreSQL turns into a rollback is a fault, and never counts as done', async t => {
  const { database } = await openTestDatabase(t)
  await t.rejects(
    database.transaction(async connection => {
      await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'lost')`)
      await connection.run(sql.fragment`SELECT 1 / 0`).catch(() => undefined)
    }),
    { message: 'a statement failed unnoticed, and nothing was committed' },
  )
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM principal WHERE id = 'lost'`), undefined)
})

t.test(
  'statements that are not waited for are done in order in a transaction, and before returning outside one',
  async t => {
    const { database } = await openTestDatabase(t)
    const ids = sql.fragment`SELECT id FROM principal ORDER BY id`
    const add = (id: string) => sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', ${id})`
    await database.transaction(async connection => {
      for (const id of ['a', 'b', 'c']) await connection.later(add(id))
      t.strictSame(await connection.any(ids), [{ id: 'a' }, { id: 'b' }, { id: 'c' }])
      await connection.later(add('d'))
    })
    await database.later(add('e'))
    t.strictSame(await database.any(ids), [{ id: 'a' }, { id: 'b' }, { id: 'c' }, { id: 'd' }, { id: 'e' }])
  },
)

t.test('if one of them fails, everything is undone and its error is thrown, not that of a later statement', async t => {
  const { database } = await openTestDatabase(t)
  const failing = sql.fragment`SELECT 1 / 0`
  const ends: Readonly<Record<string, (connection: Connection) => Promise<unknown>>> = {
    'at the commit': async () => undefined,
    'at the next statement': connection => connection.any(sql.fragment`SELECT 1`),
  }
  for (const [when, end] of Object.entries(ends)) {
    const refused = database.transaction(async connection => {
      await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'lost')`)
      await connection.later(failing)
      await end(connection)
    })
    await t.rejects(refused, { code: '22012' }, when)
  }
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM principal WHERE id = 'lost'`), undefined)
})

t.test('a transaction whose statement that was not waited for loses to a deadlock is retried', async t => {
  const { database } = await openTestDatabase(t)
  const add = (id: string) => sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', ${id})`
  for (const id of ['one', 'two']) await database.run(add(id))
  const touch = (id: string) => sql.fragment`UPDATE principal SET id = id WHERE id = ${id}`
  const both = Promise.withResolvers<void>()
  let begun = 0
  let tries = 0
  const crossing = (first: string, second: string) =>
    database.transaction(async connection => {
      tries += 1
      await connection.run(touch(first))
      begun += 1
      if (begun === 2) both.resolve()
      await both.promise
      await connection.later(touch(second))
    })
  await Promise.all([crossing('one', 'two'), crossing('two', 'one')])
  t.equal(tries, 3)
})

t.test('a transaction that loses to a deadlock is retried, even if it goes on as if it had not', async t => {
  const { database } = await openTestDatabase(t)
  for (const id of ['one', 'two'])
    await database.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', ${id})`)
  const touch = (id: string) => sql.fragment`UPDATE principal SET id = id WHERE id = ${id}`
  for (const goesOn of [async () => {}, (connection: Connection) => connection.run(touch('one'))]) {
    const both = Promise.withResolvers<void>()
    const touched = new Set<string>()
    const met: unknown[] = []
    const crossing = (first: string, second: string) =>
      database.transaction(async connection => {
        await connection.run(touch(first))
        if (touched.add(first).size === 2) both.resolve()
        await both.promise
        await connection.run(touch(second)).catch(error => met.push(error))
        await goesOn(connection)
      })
    await Promise.all([crossing('one', 'two'), crossing('two', 'one')])
    t.match(met, [{ issues: [{ code: 'transient' }] }])
  }
})

t.test('a statement by itself that meets a conflict is retried like a transaction, and not without end', async t => {
  const { database } = await openTestDatabase(t)
  await database.run(sql.fragment`CREATE SEQUENCE tried`)
  await database.run(sql.fragment`
    CREATE FUNCTION conflicting(times bigint, state text) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
      turn bigint := nextval('tried');
    BEGIN
      IF turn <= times THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = state; END IF;
      RETURN turn;
    END $$`)
  for (const state of ['40001', '40P01']) {
    await database.run(sql.fragment`ALTER SEQUENCE tried RESTART`)
    t.same(await database.one(sql.fragment`SELECT conflicting(2, ${state}) AS turn`), { turn: '3' }, state)
  }
  await database.run(sql.fragment`ALTER SEQUENCE tried RESTART`)
  const refused = await database.later(sql.fragment`SELECT conflicting(99, '40001')`).catch(error => error)
  t.match(refused, { issues: [{ code: 'transient' }] })
  t.same(await database.one(sql.fragment`SELECT last_value FROM tried`), { last_value: '5' })
})

t.test('of the writes that lost to a deadlock, one at a time is retried, and the others wait for none', async t => {
  const { database } = await openTestDatabase(t)
  for (const id of ['one', 'two'])
    await database.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', ${id})`)
  const touch = (id: string) => sql.fragment`UPDATE principal SET id = id WHERE id = ${id}`
  const both = Promise.withResolvers<void>()
  const tries: string[] = []
  const touched = new Set<string>()
  const crossing = (first: string, second: string) =>
    database.writing(async connection => {
      tries.push(first)
      await connection.run(touch(first))
      // Counting the started ones would not do: one could finish with both rows before the other has touched any.
      if (touched.add(first).size === 2) both.resolve()
      await both.promise
      await connection.run(touch(second))
    })
  const ends = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('deadlock'))`)
    const ends = [crossing('one', 'two'), crossing('two', 'one')]
    await Promise.race(ends)
    await someoneWaits(connection)
    t.equal(tries.length, 2, 'it has not been retried yet')
    return ends
  })
  await Promise.all(ends)
  t.equal(tries.length, 3)
})

t.test('after a lost connection a transaction is retried, except at its commit, which may have been done', async t => {
  const { url, close } = await withDatabase()
  const direct = openDatabase(url)
  const { cutAt, address, end } = await openBreakingWire(url)
  const database = openDatabase(address)
  t.teardown(async () => {
    await Promise.all([database.close(), direct.close()])
    await end()
    await close()
  })
  const tried = async (id: string, cut: string) => {
    let tries = 0
    cutAt(cut)
    const end = await database
      .transaction(async connection => {
        tries += 1
        await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', ${id})`)
        await connection.any(sql.fragment`SELECT 'midway'`)
      })
      .catch(error => error)
    return { tries, end }
  }
  t.strictSame(await tried('again', 'midway'), { tries: 2, end: undefined })
  t.match(await tried('in doubt', 'COMMIT'), {
    tries: 1,
    end: { status: 500, issues: [{ code: 'exception', message: /it is not known whether it was done/ }] },
  })
  const stored = () => direct.any(sql.fragment`SELECT id FROM principal WHERE kind = 'client' ORDER BY id`)
  // The database may still be at it.
  while ((await stored()).length < 2) await pause(5)
  t.strictSame(await stored(), [{ id: 'again' }, { id: 'in doubt' }])
  await end()
  t.match(await database.any(sql.fragment`SELECT 1`).catch(error => error), {
    status: 503,
    issues: [{ code: 'transient' }],
  })
})

t.test(
  'whoever waits too long for a lock is told to come again, and only what takes long itself is too costly',
  async t => {
    const { database } = await openTestDatabase(t, { statementTimeoutMs: 1500 })
    const insert = sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'waits')`
    let tries = 0
    const writing = database.transaction(async other => {
      await other.run(sql.fragment`LOCK TABLE principal IN ACCESS EXCLUSIVE MODE`)
      return Promise.all([
        database.any(sql.fragment`SELECT FROM principal`).catch(error => error),
        database
          .transaction(connection => {
            tries += 1
            return connection.run(insert)
          })
          .catch(error => error),
      ])
    })
    for (const end of await writing) t.match(end, { status: 503, issues: [{ code: 'transient' }] })
    t.equal(tries, 1, 'who has waited that long does not begin to wait once more')
    const slow = await database.any(sql.fragment`SELECT pg_sleep(5)`).catch(error => error)
    t.match(slow, { status: 403, issues: [{ code: 'too-costly' }] })
    t.equal(await database.run(insert), 1)
  },
)

t.test('a statement that a newer migration broke is answered with 503, and any other fault stays one', async t => {
  const { database } = await openTestDatabase(t)
  const missing = sql.fragment`SELECT gone FROM principal`
  const fault = { message: 'column "gone" does not exist', code: '42703' }
  await t.rejects(database.any(missing), fault)
  await database.run(sql.fragment`INSERT INTO migration (number, name, checksum) VALUES (9999, '9999-newer.sql', '')`)
  const message = 'The database was migrated by a newer version; this server has to be restarted'
  for (const ask of [
    () => database.any(missing),
    () => database.any(sql.fragment`SELECT gone()`),
    () => database.any(sql.fragment`SELECT FROM gone`),
    () => database.writing(connection => connection.kept(missing)),
  ])
    t.match(await ask().catch(error => error), { status: 503, issues: [{ code: 'transient', message }] })
  await t.rejects(database.any(sql.fragment`SELECT 1 / 0`), { code: '22012' })
})

t.test(
  'a statement with one plan for all values answers as any other does, and sees what its transaction wrote',
  async t => {
    const { database } = await openTestDatabase(t)
    const mode = sql.fragment`SELECT current_setting('plan_cache_mode') AS mode`
    t.strictSame(await database.kept(mode), [{ mode: 'force_generic_plan' }])
    t.strictSame(await database.any(mode), [{ mode: 'auto' }])
    const ids = sql.fragment`SELECT id FROM principal WHERE id = ${'new'}`
    await database.transaction(async connection => {
      await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'new')`)
      t.strictSame(await connection.kept(ids), [{ id: 'new' }])
      t.strictSame(await database.kept(ids), [])
    })
    t.strictSame(await database.kept(ids), [{ id: 'new' }])
  },
)
