import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { hold } from '../../../src/storage/hold.ts'
import { exclusive } from '../../../src/storage/lock-keys.ts'
import { type LockKind, lockOrder } from '../../../src/storage/lock-order.ts'
import { joinServers } from '../../../src/storage/postgres/servers-alike.ts'
import { sql } from '../../../src/storage/sql.ts'
import { withBareDatabase } from '../../support/database.ts'
import { openWire } from '../../support/wire.ts'

const { url, close } = await withBareDatabase()
t.teardown(close)
const one = { address: 'https://one.example.org', ways: 'e-mail by SMTP_URL, no text messages' }
const atOnce = { tries: 1, pauseMs: 0 }

t.test('a server with another address than one that runs on the database does not start, and says why', async t => {
  const first = await joinServers(url, one)
  t.teardown(first.close)
  await t.rejects(joinServers(url, { ...one, address: 'http://localhost:8080' }, atOnce), {
    name: 'StartError',
    message:
      /^Another Sharewell at https:\/\/one\.example\.org uses this database, since \d{4}-.*Z, and messages of either would lead to http:\/\/localhost:8080 or to the other: stop it first, or set BASE_URL to its address$/,
  })
})

t.test('nor does one that sends messages in other ways', async t => {
  const first = await joinServers(url, one)
  t.teardown(first.close)
  await t.rejects(joinServers(url, { ...one, ways: 'shown at /outbox' }, atOnce), {
    message:
      /^Another Sharewell at https:\/\/one\.example\.org uses this database, since .*, and it sends messages in other ways than this one \(shown at \/outbox\), and messages of this one would go by either: /,
  })
})

t.test('one that is alike starts beside it, and another that is not does so once both have ended', async t => {
  const [first, second] = [await joinServers(url, one), await joinServers(url, one, atOnce)]
  const other = { ...one, address: `https://${'long.'.repeat(20)}example.org` }
  const waiting = joinServers(url, other, { tries: 1000, pauseMs: 20 })
  await first.close()
  await t.rejects(joinServers(url, other, atOnce), { message: /^Another Sharewell at https:\/\/one/ })
  await second.close()
  const third = await waiting
  t.teardown(third.close)
  await t.rejects(joinServers(url, { ...other, ways: '' }, atOnce), { message: /sends messages in other ways/ })
})

t.test('a server that is killed holds up nobody, and one whose connection ended is seen again', async t => {
  const first = await joinServers(url, one, { ...atOnce, lookMs: 20 })
  t.teardown(first.close)
  const database = openDatabase(url, { poolSize: 1 })
  t.teardown(database.close)
  const seen = sql.fragment`FROM pg_stat_activity WHERE application_name = 'sharewell at https://one.example.org'`
  await database.run(sql.fragment`SELECT pg_terminate_backend(pid, 5000) ${seen}`)
  const isSeen = async () =>
    (
      await database.any(
        sql.fragment`SELECT ${seen} AND pid IN (SELECT pid FROM pg_locks WHERE granted AND locktype = 'advisory')`,
      )
    ).length > 0
  while (!(await isSeen())) await new Promise(resolve => setTimeout(resolve, 20))
  await t.rejects(joinServers(url, { ...one, address: 'https://two.example.org' }, { tries: 3, pauseMs: 20 }), {
    message: /^Another Sharewell at https:\/\/one/,
  })
})

t.test('a server leaves a database that no longer answers, and does not wait for it', async t => {
  let isHung = false
  const wire = await openWire(url, (near, far) => {
    far.pipe(near)
    near.on('data', bytes => isHung || far.write(bytes))
  })
  t.teardown(wire.end)
  const left = await joinServers(wire.address, one, atOnce)
  isHung = true
  await t.resolves(left.close())
})

t.test('a server is not taken for another one by what it is writing meanwhile', async t => {
  const first = await joinServers(url, one)
  t.teardown(first.close)
  const database = openDatabase(url, { poolSize: 1 })
  t.teardown(database.close)
  await database.transaction(async connection => {
    for (const kind of lockOrder) if (!rows.has(kind)) await hold(connection, kind, exclusive(['7']))
    const second = await joinServers(url, one, atOnce)
    t.teardown(second.close)
    t.pass('the second one runs beside the first')
  })
})

/** Not turns, but rows of tables, of which a bare database has none. */
const rows: ReadonlySet<LockKind> = new Set(['place', 'study'])
