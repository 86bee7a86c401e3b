import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openQueues } from '../../../src/storage/work/queue.ts'
import { withDatabase } from '../../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url, { poolSize: 1 })
const faults: unknown[] = []
const queues = await openQueues(url, { retries: 1, reportFault: fault => faults.push(fault) })
t.teardown(async () => {
  await queues.close()
  await database.close()
  await close()
})

/** Resolves once it holds. If it never does, the test itself times out. */
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(10)
}

t.test('work is begun when asked for, and what came while all were busy follows without being looked for', async t => {
  const woken = await openQueues(url, { retries: 1, lookSeconds: 3600, reportFault: fault => faults.push(fault) })
  t.teardown(woken.close)
  const queue = await woken.open('invitation')
  const done: string[] = []
  let [now, most] = [0, 0]
  await queue.work(async key => {
    now += 1
    most = Math.max(most, now)
    await sleep(30)
    now -= 1
    done.push(key)
  })
  await sleep(1000)
  const asked = Array.from({ length: 60 }, (_, place) => `message-${place}`)
  await queue.ask('first')
  await until(() => done.length === 1)
  for (const key of asked) await queue.ask(key)
  await until(() => done.length > asked.length)
  t.equal(new Set(done).size, asked.length + 1, 'each once')
  t.ok(most > 1 && most <= 4, `${most} at the same time`)
  await queue.close()
  t.same(faults, [])
})

t.test('the work of one is done one at a time, and nobody else waits for it', async t => {
  const woken = await openQueues(url, { retries: 1, lookSeconds: 3600, reportFault: fault => faults.push(fault) })
  t.teardown(woken.close)
  const queue = await woken.open('subscription')
  const done: string[] = []
  const slow = Promise.withResolvers<void>()
  let [now, most] = [0, 0]
  await queue.work(async key => {
    if (key.startsWith('slow')) {
      now += 1
      most = Math.max(most, now)
      await slow.promise
      now -= 1
    }
    done.push(key)
  })
  const keys = Array.from({ length: 8 }, (_, place) => `slow-${place}`)
  for (const key of keys) await queue.ask(key, { of: 'slow-app' })
  await until(() => now === 1)
  for (const key of ['quick-0', 'quick-1']) await queue.ask(key, { of: 'quick-app' })
  await until(() => done.length === 2)
  t.same(done.toSorted(), ['quick-0', 'quick-1'])
  slow.resolve()
  await until(() => done.length === 2 + keys.length)
  t.same([done.slice(2).toSorted(), most], [keys, 1])
  await queue.close()
  t.same(faults, [])
})

t.test('what is asked for one by one is begun before what waits in later rounds', async t => {
  const woken = await openQueues(url, { retries: 1, reportFault: fault => faults.push(fault) })
  t.teardown(woken.close)
  const queue = await woken.open('letter')
  const rounds = [3, 1, 2].flatMap(round => [0, 1, 2, 3].map(place => ({ key: `round-${round}-${place}`, round })))
  await queue.askAll(rounds)
  await queue.ask('alone')
  await queue.askAll(rounds)
  const begun: string[] = []
  await queue.work(async key => {
    begun.push(key.slice(0, 7))
    await sleep(20)
  })
  await until(() => begun.length === 13)
  t.ok(begun.slice(0, 4).includes('alone'), 'four are worked on at once')
  t.notOk(begun.slice(0, 5).includes('round-3'))
  t.same(
    begun.toSorted(),
    ['alone', ...[1, 2, 3].flatMap(round => Array(4).fill(`round-${round}`))],
    'what is queued already is not queued twice',
  )
  await queue.close()
  t.same(faults, [])
})

t.test('work that fails is tried again, and the last try knows that it is the last', async t => {
  const queue = await queues.open('study-action')
  const tries: string[] = []
  await queue.work(async (key, { isLast }) => {
    const error = new Error('not yet')
    tries.push(`${key} ${isLast(error)}`)
    if (!isLast(error)) throw error
  })
  const keys = Array.from({ length: 4 }, (_, place) => `action-${place}`)
  for (const key of keys) await queue.ask(key)
  await until(() => tries.length === 2 * keys.length)
  t.same(tries.toSorted(), keys.flatMap(key => [`${key} false`, `${key} true`]).toSorted())
  await queue.close()
})

t.test(
  'work fails at once for good if it is not tried again, and is tried for longer while what it needs is away',
  async t => {
    const patient = await openQueues(url, { retries: 0, retriesWhileAway: 1, reportFault: fault => faults.push(fault) })
    t.teardown(patient.close)
    const away = new Error('away')
    const tries: string[] = []
    for (const [name, isAway] of [['letter', (error: unknown) => error === away], ['study-action']] as const) {
      const queue = await patient.open(name, isAway)
      await queue.work(async (key, { isLast }) => {
        const error = key === 'away' ? away : new Error('refused')
        tries.push(`${name} ${key} ${isLast(error)}`)
        throw error
      })
      for (const key of ['away', 'refused']) await queue.ask(key)
    }
    const failed = async () =>
      database.any(sql.fragment`
      SELECT name, data ->> 'key' AS key, retry_count AS retries FROM queue.job
      WHERE name IN ('letter', 'study-action') AND state = 'failed' ORDER BY name, key`)
    while ((await failed()).length < 4) await sleep(20)
    t.strictSame(await failed(), [
      { name: 'letter', key: 'away', retries: 1 },
      { name: 'letter', key: 'refused', retries: 0 },
      { name: 'study-action', key: 'away', retries: 0 },
      { name: 'study-action', key: 'refused', retries: 0 },
    ])
    t.strictSame(tries.toSorted(), [
      'letter away false',
      'letter away true',
      'letter refused true',
      'study-action away true',
      'study-action refused true',
    ])
    await database.run(sql.fragment`DELETE FROM queue.job WHERE name IN ('letter', 'study-action')`)
  },
)

t.test(
  'what is stored and could not be queued is found at the next look, and whoever stored it is not told of a fault',
  async t => {
    const told: unknown[] = []
    const looking = await openQueues(url, { retries: 0, waitingSeconds: 0.05, reportFault: fault => told.push(fault) })
    t.teardown(looking.close)
    const queue = await looking.open('letter')
    const stored = new Set<string>()
    const tries: string[] = []
    await queue.work(
      async key => {
        tries.push(key)
        if (key === 'failed' && tries.length === 1) throw new Error('and what became of it could not be stored, either')
        stored.delete(key)
      },
      async () => [...stored],
    )
    t.equal(await queue.ask('a key that PostgreSQL cannot store: \0'), false)
    t.match(told, [{ message: /unsupported Unicode escape sequence/ }])
    for (const key of ['failed', 'never-queued']) {
      stored.add(key)
      await until(() => stored.size === 0)
    }
    t.same(tries, ['failed', 'failed', 'never-queued'])
    await queue.close()
    stored.add('later')
    await sleep(200)
    t.same(tries.length, 3, 'nothing is begun once it is closed')
  },
)

t.test('work that takes hours is begun once, as long as its process says that it is alive', async t => {
  const queue = await queues.open('patient-import')
  const ended = Promise.withResolvers<void>()
  let begun = 0
  await queue.work(async () => {
    begun += 1
    await ended.promise
  })
  await queue.ask('long-list')
  await until(() => begun === 1)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(
    "SELECT expire_seconds, heartbeat_seconds FROM queue.job WHERE name = 'patient-import' AND state = 'active'",
  )
  await client.end()
  t.same(rows, [{ expire_seconds: 86_400, heartbeat_seconds: 60 }])
  ended.resolve()
  await queue.close()
})
