import type { Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { until } from './receiver.ts'
import { openSubscriptionWorld } from './world.ts'

/** What waits to be asked about when a Subscription is written: what has changed is taken once or twice a second. */
const world = await openSubscriptionWorld()
const { database, researcher, measure, subscribe, reaches, read } = world
t.teardown(world.close)
t.setTimeout(240_000)

/** Nobody takes what changes meanwhile. */
const whileWaiting = async (run: () => Promise<void>) => {
  await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('change'))`)
    await run()
  })
  await until(async () => {
    const { isAny } = await database.one<{ isAny: boolean }>(
      sql.fragment`SELECT EXISTS (SELECT FROM change) AS "isAny"`,
    )
    return !isAny
  })
}
const eventsOf = async (id: string): Promise<number> =>
  (
    await database.one<{ count: number }>(
      sql.fragment`SELECT last_event::integer AS count FROM subscriber WHERE id = ${id}`,
    )
  ).count
const turn = async (id: string, status: Subscription['status']) =>
  world.update(researcher, { ...(await read(researcher, id)), status })

const earlier = await subscribe(researcher)
await reaches(researcher, earlier, 'active')

t.test('what changed before a Subscription was written is no event of it, though others had asked for it', async t => {
  const written: string[] = []
  await whileWaiting(async () => {
    await measure(61)
    written.push(await subscribe(researcher))
    await measure(62)
  })
  const [id = ''] = written
  t.same([await eventsOf(earlier), await eventsOf(id)], [2, 1])

  await reaches(researcher, id, 'active')
  await turn(id, 'off')
  await whileWaiting(async () => {
    await measure(63)
    await turn(id, 'requested')
    await measure(64)
  })
  t.equal(await eventsOf(id), 2, 'nor what changed before it was turned on again')
})

t.test('what waits is an event of a Subscription that is written anew meanwhile', async t => {
  const id = await subscribe(researcher)
  await reaches(researcher, id, 'active')
  await whileWaiting(async () => {
    await measure(65)
    await turn(id, 'requested')
    await measure(66)
  })
  t.equal(await eventsOf(id), 2)
})
