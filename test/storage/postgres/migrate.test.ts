import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import type { Event } from '../../../src/events/event.ts'
import { migrate, readMigrations } from '../../../src/storage/postgres/migrate.ts'
import { withBareDatabase } from '../../support/database.ts'
import { openBreakingWire } from '../../support/wire.ts'

const folderOf = async (files: Readonly<Record<string, string>>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-sql-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

const database = async () => {
  const { url, close } = await withBareDatabase()
  t.teardown(close)
  const query = async (text: string) => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query(text)
    await client.end()
    return rows
  }
  const applied: string[] = []
  const tell = (event: Event) => {
    if (event.kind === 'migration-applied') applied.push(event.file)
  }
  return { url, query, tell, applied }
}

const first = { '0001-first.sql': 'CREATE TABLE one (a int); CREATE TABLE two (b int);' }
const second = { '0002-second.sql': 'ALTER TABLE one ADD c int;' }

t.test('files are applied in order, once, and each is reported', async t => {
  const { url, query, tell, applied } = await database()
  await migrate(url, tell, await folderOf(first))
  await migrate(url, tell, await folderOf({ ...first, ...second }))
  await migrate(url, tell, await folderOf({ ...first, ...second }))
  t.same(applied, ['0001-first.sql', '0002-second.sql'])
  t.match(await query('SELECT number, name FROM migration ORDER BY number'), [
    { number: 1, name: '0001-first.sql' },
    { number: 2, name: '0002-second.sql' },
  ])
})

t.test(
  'if the connection is lost at a file, this is told in one line, and starting again goes on from there',
  async t => {
    const { url, query } = await database()
    const wire = await openBreakingWire(url)
    t.teardown(wire.end)
    const folder = await folderOf(first)
    for (const at of ['BEGIN', 'INSERT INTO migration', 'CREATE TABLE one']) {
      wire.cutAt(at)
      await t.rejects(
        migrate(wire.address, () => {}, folder),
        {
          name: 'StartError',
          message: /^sql\/0001-first\.sql could not be applied: Connection terminated unexpectedly$/,
        },
      )
      t.same(await query('SELECT name FROM migration'), [], at)
    }
    await migrate(wire.address, () => {}, folder)
    t.same(await query('SELECT name FROM migration'), [{ name: '0001-first.sql' }])
  },
)

t.test('a file that fails leaves nothing behind, and the next start tries it again', async t => {
  const { url, query, tell } = await database()
  const broken = await folderOf({ '0001-first.sql': 'CREATE TABLE one (a int); SELECT 1/0;' })
  await t.rejects(migrate(url, tell, broken), { message: 'sql/0001-first.sql could not be applied: division by zero' })
  t.same(await query('SELECT * FROM migration'), [])
  await migrate(url, tell, await folderOf(first))
  t.same(await query('SELECT * FROM one'), [])
})

t.test('a database that ends within a file is reported in one line, and the next start applies that file', async t => {
  const { url, query, tell } = await database()
  const endedWithin = await folderOf({
    ...first,
    '0002-second.sql': 'ALTER TABLE one ADD c int; SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(60);',
  })
  await t.rejects(migrate(url, tell, endedWithin), {
    name: 'StartError',
    message: /^sql\/0002-second\.sql could not be applied: terminating connection/,
  })
  await migrate(url, tell, await folderOf({ ...first, ...second }))
  t.same(await query('SELECT c FROM one'), [])
})

t.test(
  'what a file cannot cope with is put right before it, and stays as it was if the file fails all the same',
  async t => {
    const { url, query, tell, applied } = await database()
    const narrow = { '0002-second.sql': 'ALTER TABLE one ALTER a TYPE smallint;' }
    await migrate(url, tell, await folderOf(first))
    await query('INSERT INTO one VALUES (70000), (-70000)')
    await t.rejects(migrate(url, tell, await folderOf({ ...first, ...narrow })), { message: /out of range/ })
    const half = { 'before/0002-second.sql': 'UPDATE one SET a = 0 WHERE a > 0' }
    await t.rejects(migrate(url, tell, await folderOf({ ...first, ...narrow, ...half })), { message: /out of range/ })
    t.same(await query('SELECT a FROM one ORDER BY a'), [{ a: -70000 }, { a: 70000 }])
    const whole = { 'before/0002-second.sql': 'UPDATE one SET a = 0' }
    await migrate(url, tell, await folderOf({ ...first, ...narrow, ...whole }))
    t.same(await query('SELECT a FROM one'), [{ a: 0 }, { a: 0 }])
    t.same(applied, ['0001-first.sql', '0002-second.sql'])
  },
)

t.test('whoever has applied a file does not run what was put before it later', async t => {
  const { url, query, tell } = await database()
  await migrate(url, tell, await folderOf({ ...first, ...second }))
  const later = { 'before/0002-second.sql': 'INSERT INTO one VALUES (1)' }
  await migrate(url, tell, await folderOf({ ...first, ...second, ...later }))
  t.same(await query('SELECT * FROM one'), [])
})

t.test('a file that has changed since it was applied stops the start', async t => {
  const { url, tell } = await database()
  await migrate(url, tell, await folderOf(first))
  const changed = await folderOf({ '0001-first.sql': 'CREATE TABLE one (a bigint);' })
  await t.rejects(migrate(url, tell, changed), { name: 'StartError', message: /^sql\/0001-first\.sql is not what was/ })
})

t.test('line ends of another system are not a change', async t => {
  const { url, tell, applied } = await database()
  await migrate(url, tell, await folderOf({ '0001-first.sql': 'SELECT 1;\nSELECT 2;\n' }))
  await migrate(url, tell, await folderOf({ '0001-first.sql': 'SELECT 1;\r\nSELECT 2;\r\n' }))
  t.same(applied, ['0001-first.sql'])
})

t.test('a database that is newer than the code stops the start', async t => {
  const { url, tell } = await database()
  await migrate(url, tell, await folderOf({ ...first, ...second }))
  await t.rejects(migrate(url, tell, await folderOf(first)), {
    message: 'The database is newer than this Sharewell: it has migration 2 (0002-second.sql), this has 1',
  })
})

t.test('a user who may not create tables is told so in one line', async t => {
  const { url, tell } = await database()
  const as = new URL(url)
  as.searchParams.set('options', '-c role=pg_monitor')
  await t.rejects(migrate(as.href, tell), {
    name: 'StartError',
    message: 'The database cannot be prepared: permission denied for schema public',
  })
})

t.test('of several processes that migrate at once, one applies each file', async t => {
  const { url, tell, applied } = await database()
  const folder = await folderOf({ ...first, ...second })
  await Promise.all([1, 2, 3, 4].map(() => migrate(url, tell, folder)))
  t.same(applied.sort(), ['0001-first.sql', '0002-second.sql'])
})

t.test('a gap or a mistake in the numbering is refused', async t => {
  await t.rejects(readMigrations(await folderOf({ ...first, '0003-third.sql': '' })), {
    message: /0002-….sql is expected/,
  })
  await t.rejects(readMigrations(await folderOf({ '1-first.sql': '' })), { name: 'StartError' })
})

t.test("the server's own files apply to an empty database", async t => {
  const { url, query, tell } = await database()
  await migrate(url, tell)
  const files = await readMigrations()
  t.equal((await query('SELECT FROM migration')).length, files.length)
  const names = files.filter(({ before }) => before !== '').map(({ name }) => name)
  t.same(names, await readdir(join(import.meta.dirname, '../../../sql/before')), 'each file in before has its namesake')
})
