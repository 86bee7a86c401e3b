import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chown, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import t from 'tap'
import type { Event } from '../../../src/events/event.ts'
import { openCluster } from '../../../src/storage/postgres/cluster.ts'
import { openEmbedded } from '../../../src/storage/postgres/embedded.ts'

const folder = await mkdtemp(join(tmpdir(), 'sharewell-data-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

const backgroundWriter = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'background writer'"

const query = async (url: string, text: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

t.test('a folder gets its database at the first start, and has the same at the next', async t => {
  const told: Event['kind'][] = []
  const tell = ({ kind }: Event) => told.push(kind)
  await mkdtemp(join(folder, 'postgres.new-'))

  const first = await openEmbedded(folder, tell)
  await query(first.url, 'CREATE TABLE kept (a int)')
  await first.close()
  const second = await openEmbedded(folder, tell)
  t.same(await query(second.url, 'SELECT * FROM kept'), [])
  await second.close()

  t.same(told, ['database-created'])
  const leftovers = (await readdir(folder)).filter(name => name.includes('.new-'))
  t.same(leftovers, [], 'leftovers of a killed first start are removed')
})

t.test('only this machine can connect, with a password that only the owner of the folder can read', async t => {
  const { url, close } = await openEmbedded(folder, () => {})
  t.equal(new URL(url).hostname, '127.0.0.1')
  const wrong = new URL(url)
  wrong.password = 'wrong'
  await t.rejects(query(wrong.href, 'SELECT 1'), { code: '28P01' })
  t.equal((await stat(join(folder, 'postgres.password'))).mode & 0o777, 0o600)
  t.equal((await stat(join(folder, 'postgres'))).mode & 0o077, 0)
  await close()
})

t.test('text is UTF-8, time is UTC, and commits are durable', async t => {
  const { url, close } = await openEmbedded(folder, () => {})
  const settings = { server_encoding: 'UTF8', TimeZone: 'UTC', jit: 'off', fsync: 'on', synchronous_commit: 'on' }
  for (const [name, value] of Object.entries(settings)) {
    t.same(await query(url, `SELECT current_setting('${name}') AS is`), [{ is: value }], name)
  }
  t.same(await query(url, "SELECT lower('ÄÖ') AS lower"), [{ lower: 'äö' }])
  await close()
})

t.test('it is known what PostgreSQL has said of a full disk since it was started, and of nothing else', async t => {
  const log = join(folder, 'postgres.log')
  const full = 'PANIC:  53100: could not write to file "pg_wal/xlogtemp.7": No space left on device'
  const first = await openEmbedded(folder, () => {})
  await appendFile(log, 'FATAL:  57P01: terminating connection due to administrator command\n')
  t.equal(await first.fullDisk(), undefined)
  await appendFile(log, `${full}\nLOG:  00000: database system is shut down\n`)
  t.equal(await first.fullDisk(), full)
  await first.close()
  const second = await openEmbedded(folder, () => {})
  t.equal(await second.fullDisk(), undefined)
  await rm(log)
  t.equal(await second.fullDisk(), undefined)
  await second.close()
})

t.test('what the environment says of another database does not concern it', async t => {
  const elsewhere = { PGHOST: 'db.example.org', PGUSER: 'nobody', PGSSLMODE: 'require', PGOPTIONS: '-c nothing=1' }
  Object.assign(process.env, elsewhere)
  t.teardown(() => {
    for (const name of Object.keys(elsewhere)) delete process.env[name]
  })
  const { url, close } = await openEmbedded(folder, () => {})
  t.same(await query(url, 'SELECT current_user AS name'), [{ name: 'sharewell' }])
  await close()
})

t.test(
  'a second server on the folder is told who uses it; after a kill the next takes over and nothing is lost',
  async t => {
    const server = spawn(process.execPath, ['--input-type=module', '--eval', holder, folder], { stdio: 'pipe' })
    const url = String((await once(server.stdout, 'data'))[0])
    await query(url, 'INSERT INTO kept VALUES (1)')

    const refusal = new RegExp(`^Another Sharewell \\(pid ${server.pid}, since 2.*Z\\) uses this data folder`)
    const second = openEmbedded(folder, () => {})
    await t.rejects(second, { name: 'StartError', message: refusal })
    server.kill('SIGKILL')
    await once(server, 'exit')

    const told: Event['kind'][] = []
    const next = await openEmbedded(folder, ({ kind }) => told.push(kind))
    t.same(told, ['database-adopted'])
    t.same(await query(next.url, 'SELECT * FROM kept'), [{ a: 1 }])
    await next.close()
    await t.rejects(query(url, 'SELECT 1'), { code: 'ECONNREFUSED' }, 'the adopted database is stopped, too')
  },
)

t.test('a server that starts while another one ends its database waits for that, and has it again', async t => {
  const ending = await openCluster({ folder: join(folder, 'postgres'), settings: {} })
  const holder = new pg.Client({ connectionString: ending.url('postgres') })
  holder.on('error', () => {})
  await holder.connect()
  await holder.query(`SELECT pg_advisory_lock(${0x5a7e})`)
  const told: Event['kind'][] = []
  const starting = openEmbedded(folder, ({ kind }) => told.push(kind))
  const asking = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()"
  while ((await query(ending.url('postgres'), asking)).length === 0) await pause(5)
  process.kill(ending.pid, 'SIGINT')
  const next = await starting
  t.same(told, [], 'the end of the other one is not the end of its own')
  t.same(await query(next.url, 'SELECT * FROM kept'), [{ a: 1 }])
  await next.close()
})

t.test('a database that hangs while stopping is ended, and started again', async t => {
  const first = await openCluster({ folder: join(folder, 'postgres'), settings: {} })
  const [{ pid }] = await query(first.url('postgres'), backgroundWriter)
  process.kill(pid, 'SIGKILL')
  await pause(300)
  process.kill(first.pid, 'SIGINT')
  const next = await openCluster({ folder: join(folder, 'postgres'), settings: {}, patienceMs: 1000 })
  t.not(next.pid, first.pid)
  t.same(await query(next.url('sharewell'), 'SELECT * FROM kept'), [{ a: 1 }])
  await next.stop()
})

t.test('a database that lost a process is ended, and the next server has it again', async t => {
  const lost = Promise.withResolvers<void>()
  const first = await openEmbedded(folder, ({ kind }) => kind === 'database-lost' && lost.resolve())
  const [{ pid }] = await query(first.url, backgroundWriter)
  process.kill(pid, 'SIGKILL')
  await lost.promise
  // Requests under way are finished first; meanwhile it recovers.
  await pause(300)
  await first.close()
  const next = await openEmbedded(folder, () => {})
  t.same(await query(next.url, 'SELECT * FROM kept'), [{ a: 1 }])
  await next.close()
})

t.test('a database that lets nobody in any more, and waits for those who are in, counts as lost', async t => {
  const lost = Promise.withResolvers<void>()
  const told: Event['kind'][] = []
  const first = await openEmbedded(folder, ({ kind }) => {
    told.push(kind)
    lost.resolve()
  })
  const [pid] = (await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGTERM')
  await lost.promise
  await t.rejects(query(first.url, 'SELECT 1'), { code: '57P03' })
  await first.close()
  t.same(told, ['database-lost'])
  const next = await openEmbedded(folder, () => {})
  t.same(await query(next.url, 'SELECT * FROM kept'), [{ a: 1 }])
  await next.close()
})

t.test('a database that cannot be made says why, and leaves nothing behind', async t => {
  const empty = await mkdtemp(join(tmpdir(), 'sharewell-data-'))
  t.teardown(() => rm(empty, { recursive: true, force: true }))
  const initdbFlags = ['--set', 'max_connections=none']
  await t.rejects(openCluster({ folder: join(empty, 'postgres'), settings: {}, initdbFlags }), {
    name: 'StartError',
    message: /could not be set up in .*postgres: .*FATAL: {2}configuration file/,
  })
  t.same(await readdir(empty), ['postgres.password'])
})

t.test('a database whose files are those of another version of PostgreSQL says of which', async t => {
  const newer = await mkdtemp(join(tmpdir(), 'sharewell-data-'))
  t.teardown(() => rm(newer, { recursive: true, force: true }))
  await openEmbedded(newer, () => {}).then(({ close }) => close())
  const version = join(newer, 'postgres', 'PG_VERSION')
  const ours = await readFile(version)
  await writeFile(version, '99\n')
  await t.rejects(
    openEmbedded(newer, () => {}),
    {
      name: 'StartError',
      message: /did not start: its files are those of PostgreSQL 99, and this is another: start the/,
    },
  )
  await writeFile(version, ours)
  await openEmbedded(newer, () => {}).then(({ close }) => close())
})

t.test('a database that cannot be started says why', async t => {
  const broken = await mkdtemp(join(tmpdir(), 'sharewell-data-'))
  t.teardown(() => rm(broken, { recursive: true, force: true }))
  await openEmbedded(broken, () => {}).then(({ close }) => close())
  const log = join(broken, 'postgres', 'pg_wal')
  for (const name of await readdir(log)) if (/^[0-9A-F]{24}$/.test(name)) await rm(join(log, name))
  await t.rejects(
    openEmbedded(broken, () => {}),
    {
      name: 'StartError',
      message: /^PostgreSQL in .* did not start: .* PANIC: {2}could not locate a valid checkpoint record/,
    },
  )
})

t.test(
  'a folder that was copied by another user is not started, and the message says how to give it to the right one',
  { skip: process.getuid?.() !== 0 && 'only root can give a folder away' },
  async t => {
    const copied = await mkdtemp(join(tmpdir(), 'sharewell-data-'))
    t.teardown(() => rm(copied, { recursive: true, force: true }))
    await openEmbedded(copied, () => {}).then(({ close }) => close())
    const inside = join(copied, 'postgres')
    await chown(inside, 0, 0)
    const refused = openEmbedded(copied, () => {})
    const message = `PostgreSQL runs as the user postgres, and ${inside} belongs to another (0), as a copy does: chown -R postgres '${inside}'`
    await t.rejects(refused, { name: 'StartError', message })
    await promisify(execFile)('chown', ['-R', 'postgres', inside])
    await openEmbedded(copied, () => {}).then(({ close }) => close())
  },
)

const holder = `
  import { openEmbedded } from '${new URL('../../../src/storage/postgres/embedded.ts', import.meta.url).href}'
  const { url } = await openEmbedded(process.argv[1], () => {})
  process.stdout.write(url)
  setInterval(() => {}, 1000)`
