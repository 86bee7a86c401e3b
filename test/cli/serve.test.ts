import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { name, sql } from '../../src/storage/sql.ts'
import { withBareDatabase } from '../support/database.ts'
import { programEnvironment } from '../support/program-environment.ts'
import { runProgram, startProgram } from '../support/run-program.ts'
import { openWire } from '../support/wire.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'sharewell-serve-'))
t.teardown(() => rm(dataDir, { recursive: true, force: true }))
const { url, close } = await withBareDatabase()
t.teardown(close)

const environment = { DATA_DIR: dataDir, PORT: '0' }
const start = (args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess =>
  startProgram(args, { ...environment, ...env })
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runProgram(args, { ...environment, ...env })

/** The first line of its log with the event. */
const entryOf = async (server: ChildProcess, event: string) => {
  if (server.stdout === null) throw new Error('no output')
  for await (const line of createInterface(server.stdout)) {
    const entry = JSON.parse(line)
    if (entry.event === event) return entry
  }
  throw new Error(`it ended before ${event}`)
}

const addressOf = async (server: ChildProcess): Promise<string> => (await entryOf(server, 'server-ready')).address

t.test('it says where it is, is ready, answers at both addresses of its statement, and stops cleanly', async t => {
  const server = start(['serve'], { DATABASE_URL: url })
  const address = await addressOf(server)
  t.match(address, /^http:\/\/localhost:\d+$/)
  t.equal((await fetch(`${address}/readyz`)).status, 200)
  for (const path of ['/metadata', '/fhir/metadata']) {
    const statement: unknown = await (await fetch(`${address}${path}`)).json()
    t.match(statement, { resourceType: 'CapabilityStatement', implementation: { url: `${address}/fhir` } })
  }
  t.equal((await fetch(`${address}/fhir/Patient`)).status, 401)
  t.match(
    await run(['serve'], { DATABASE_URL: url, BASE_URL: 'https://other.example.org' }),
    {
      code: 1,
      error: /^Another Sharewell at http:\/\/localhost:0 uses this database, .* set BASE_URL to its address\n$/,
    },
    'beside it no other starts',
  )
  server.kill('SIGTERM')
  t.same(await once(server, 'exit'), [0, null])
})

t.test('as long as there is no administrator, each start prints a link that makes one', async t => {
  const links: string[] = []
  for (let count = 0; count < 2; count += 1) {
    const server = start(['serve'], { DATABASE_URL: url })
    const wanted = await entryOf(server, 'administrator-wanted')
    links.push(wanted.link)
    t.match(wanted, { level: 40, link: /^http:\/\/localhost:\d+\/new-account\?link=[\w-]{43}$/ })
    t.equal((await fetch(wanted.link)).status, 200)
    server.kill('SIGTERM')
    await once(server, 'exit')
  }
  t.not(links[0], links[1])
})

t.test('if it does not get what it needs, it says so in one line, and nothing starts', async t => {
  const refused: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
    [{ PORT: 'many' }, /^PORT is "many"; it must be a port number from 0 to 65535\n$/],
    [
      { DATABASE_URL: 'postgres://a:hidden@127.0.0.1:1/b' },
      /^DATABASE_URL: cannot use 127\.0\.0\.1:1\/b: .*REFUSED.*\n$/,
    ],
    [
      { DATABASE_URL: 'postgres://a@127.0.0.1:1/b?sslmode=verify-full&sslrootcert=/nowhere.pem' },
      /^DATABASE_URL: cannot use 127\.0\.0\.1:1\/b: ENOENT.*\/nowhere\.pem'\n$/,
    ],
    [{ DATA_DIR: import.meta.filename }, /^DATA_DIR: cannot use \/.*serve\.test\.ts: EEXIST.*\n$/],
    [
      { DATA_DIR: '/proc/nothing/there' },
      /^DATA_DIR: cannot use \/proc\/nothing\/there: ENOENT.* '\/proc\/nothing'\n$/,
    ],
    [{ DATABASE_URL: url, HOST: '203.0.113.1' }, /^Cannot listen on 203\.0\.113\.1, port 0: .*set HOST\n$/],
  ]
  for (const [env, line] of refused) {
    const { code, error } = await run(['serve'], env)
    t.equal(code, 1)
    t.match(error, line)
    t.notMatch(error, /hidden/)
  }
})

t.test('if the database lets in too few connections, it says so in one line', async t => {
  const bare = await withBareDatabase()
  t.teardown(bare.close)
  const role = `few_${new URL(bare.url).pathname.slice(1)}`
  const database = openDatabase(bare.url, { poolSize: 1 })
  t.teardown(async () => {
    await database.run(sql.fragment`REASSIGN OWNED BY ${name(role)} TO CURRENT_USER`)
    await database.run(sql.fragment`DROP ROLE ${name(role)}`)
    await database.close()
  })
  await database.run(sql.fragment`CREATE ROLE ${name(role)} LOGIN PASSWORD 'few' CONNECTION LIMIT 5`)
  await database.run(sql.fragment`ALTER DATABASE ${name(new URL(bare.url).pathname.slice(1))} OWNER TO ${name(role)}`)
  const few = Object.assign(new URL(bare.url), { username: role, password: 'few' })
  t.match(await run(['serve'], { DATABASE_URL: few.href }), {
    code: 1,
    error:
      'The database has no connection free, and this server opens up to 35: set POOL_SIZE lower, or max_connections of the database higher\n',
  })
})

for (const [what, text] of Object.entries({ 'of its own': 'FROM resource_type', 'of the queue': 'queue.' }))
  t.test(`if the database goes away at a statement ${what} while it starts, it says so in one line`, async t => {
    let isGone = false
    const wire = await openWire(url, (near, far) => {
      if (isGone) near.destroy()
      far.pipe(near)
      near.on('close', () => far.end())
      near.on('data', bytes => {
        isGone ||= bytes.includes(text)
        if (isGone) near.destroy()
        else far.write(bytes)
      })
    })
    t.teardown(wire.end)
    t.match(await run(['serve'], { DATABASE_URL: wire.address }), {
      code: 1,
      error: 'The server did not start: The database cannot be reached at the moment; try again\n',
    })
  })

t.test('if its own database ends while it starts, it says so in one line', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-ending-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const server = start(['serve'], { DATA_DIR: folder })
  if (server.stderr === null) throw new Error('no output')
  const error = text(server.stderr)
  await entryOf(server, 'database-created')
  const [pid] = (await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGQUIT')
  const [code] = await once(server, 'exit')
  t.match([code, await error], [1, /^The server did not start: [^\n]+\n$/])
})

t.test('if somebody ends its own database softly, it ends with status 1, and the next one starts', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-ended-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const server = start(['serve'], { DATA_DIR: folder })
  await addressOf(server)
  const [pid] = (await readFile(join(folder, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGTERM')
  t.same(await once(server, 'exit'), [1, null])
  const next = start(['serve'], { DATA_DIR: folder })
  t.equal((await fetch(`${await addressOf(next)}/readyz`)).status, 200)
  next.kill('SIGTERM')
  t.same(await once(next, 'exit'), [0, null])
})

t.test('an unknown command is answered with help', async t => {
  const { code, error } = await run(['sing'])
  t.equal(code, 1)
  t.match(error, /unknown command 'sing'[\s\S]*serve[\s\S]*migrate/)
})

t.test('migrate brings the database up to date and ends', async t => {
  t.match(await run(['migrate'], { DATABASE_URL: url }), { code: 0, error: '' })
})

t.test('one that may open too few files says in one line how many it needs', async t => {
  // The runner of tests has each process write a file at its end.
  const command = 'unset NODE_OPTIONS; ulimit -n 64; exec "$0" src/main.ts serve'
  const env = { ...programEnvironment, ...environment, DATABASE_URL: url }
  const child = spawn('sh', ['-c', command, process.execPath], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  const [said] = await Promise.all([text(child.stderr), once(child, 'exit')])
  t.equal(said, 'Too few files may be open at a time: allow 1024 (ulimit -n)\n')
  t.equal(child.exitCode, 1)
})
