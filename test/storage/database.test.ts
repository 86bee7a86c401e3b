import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { withDatabase } from '../support/database.ts'

t.test('more samples than are counted at once are refused as too costly, and what would be fewer is said', async t => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await close()
  })
  t.strictSame(await database.one(sql.fragment`SELECT few_samples(5, 5) AS few`), { few: true })
  const refused = await database.one(sql.fragment`SELECT few_samples(6, 5)`).catch(error => error)
  t.match(refused, {
    issues: [{ code: 'too-costly', message: 'There are more samples than are counted at once; choose fewer days' }],
  })
})

t.test('a commit that PostgreSQL turns into a rollback is a fault, and never taken for done', async t => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await close()
  })
  await t.rejects(
    database.transaction(async connection => {
      await connection.run(sql.fragment`INSERT INTO principal (kind, id) VALUES ('client', 'lost')`)
      await connection.run(sql.fragment`SELECT 1 / 0`).catch(() => undefined)
    }),
    { message: 'a statement failed unnoticed, and nothing was committed' },
  )
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM principal WHERE id = 'lost'`), undefined)
})

t.test('a database that a newer version has migrated is told of, and any other fault stays one', async t => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await close()
  })
  const missing = sql.fragment`SELECT gone FROM principal`
  const fault = { message: 'column "gone" does not exist', code: '42703' }
  await t.rejects(database.any(missing), fault)
  await database.run(sql.fragment`INSERT INTO migration (number, name, checksum) VALUES (9999, '9999-newer.sql', '')`)
  const message = 'The database was migrated by a newer version; this server has to be restarted'
  for (const refused of [
    database.any(missing),
    database.any(sql.fragment`SELECT gone()`),
    database.any(sql.fragment`SELECT FROM gone`),
    database.writing(connection => connection.kept(missing)),
  ])
    t.match(await refused.catch(error => error), { status: 503, issues: [{ code: 'transient', message }] })
  await t.rejects(database.any(sql.fragment`SELECT 1 / 0`), { code: '22012' })
})

t.test(
  'what is planned once for all values answers as everything else does, and within a transaction sees what it wrote',
  async t => {
    const { url, close } = await withDatabase()
    const database = openDatabase(url)
    t.teardown(async () => {
      await database.close()
      await close()
    })
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
