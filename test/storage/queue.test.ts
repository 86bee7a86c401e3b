import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openQueues } from '../../src/storage/queue.ts'
import { withDatabase } from '../support/database.ts'

const { url, close } = await withDatabase()
const faults: unknown[] = []
const queues = await openQueues(url, { retries: 1, reportFault: fault => faults.push(fault) })
t.teardown(async () => {
  await queues.close()
  await close()
})

/** Milliseconds until it holds. */
const until = async (holds: () => boolean): Promise<number> => {
  const from = performance.now()
  while (!holds() && performance.now() - from < 20_000) await sleep(10)
  return performance.now() - from
}

t.test('what is asked for is begun at once, and what came while all were busy follows without a pause', async t => {
  const queue = await queues.open('invitation')
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
  t.ok((await until(() => done.length === 1)) < 1000, 'nobody waits for the next look')
  for (const key of asked) await queue.ask(key)
  t.ok((await until(() => done.length === asked.length + 1)) < 5000, `${done.length} are done`)
  t.equal(new Set(done).size, asked.length + 1, 'each once')
  t.ok(most > 1 && most <= 4, `${most} at the same time`)
  await queue.close()
  t.same(faults, [])
})

t.test('what fails is tried again, several at the same time, and the last try says so', async t => {
  const queue = await queues.open('study-action')
  const tries: string[] = []
  await queue.work(async (key, { isLast }) => {
    tries.push(`${key} ${isLast}`)
    await sleep(500)
    if (!isLast) throw new Error('not yet')
  })
  const keys = Array.from({ length: 4 }, (_, place) => `action-${place}`)
  for (const key of keys) await queue.ask(key)
  t.ok((await until(() => tries.length === 2 * keys.length)) < 8000, `${tries.length} tries`)
  t.same(tries.toSorted(), keys.flatMap(key => [`${key} false`, `${key} true`]).toSorted())
  await queue.close()
})
