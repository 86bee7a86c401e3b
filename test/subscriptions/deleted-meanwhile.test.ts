import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { someoneWaits } from '../support/someone-waits.ts'
import { duringNext, until } from './receiver.ts'
import { openSubscriptionWorld } from './world.ts'

const world = await openSubscriptionWorld()
const { database, researcher, server, subscribe, reaches, measure, isIdle, receiver } = world
t.teardown(world.close)

const deleted = (id: string) =>
  server.inject({
    method: 'DELETE',
    url: `/fhir/Subscription/${id}`,
    headers: { authorization: `Bearer ${researcher}` },
  })

const write = {
  deleted,
  'turned off': async (id: string) =>
    world.send(researcher, 'PUT', `Subscription/${id}`, { ...(await world.read(researcher, id)), status: 'off' }),
}

for (const [what, end] of Object.entries(write))
  t.test(`nothing is kept for a Subscription that is ${what} while it is asked what has changed`, async t => {
    const id = await subscribe(researcher)
    await reaches(researcher, id, 'active')
    const { ended } = await database.transaction(async connection => {
      await connection.any(sql.fragment`SELECT FROM subscriber WHERE id = ${id} FOR UPDATE`)
      const ended = end(id).then(answer => answer.statusCode)
      await someoneWaits(connection)
      await measure(60)
      await someoneWaits(connection, 2)
      return { ended }
    })
    t.match(String(await ended), /^20[04]$/)
    await isIdle(id)
    t.strictSame(await database.any(sql.fragment`SELECT number FROM subscription_event WHERE subscription = ${id}`), [])
    t.strictSame(receiver.received, [])
  })

t.test(
  'a Subscription that is deleted during a delivery does not count as told of what has not happened yet',
  async t => {
    const id = await subscribe(researcher)
    await reaches(researcher, id, 'active')
    let status = 0
    duringNext(receiver.answer, async () => {
      status = (await deleted(id)).statusCode
    })
    await measure(61)
    await until(() => status > 0)
    t.equal(status, 204)
    await isIdle(id)
    const [numbers] = await database.any(sql.fragment`SELECT last_event, last_told FROM subscriber WHERE id = ${id}`)
    t.strictSame(numbers, { last_event: '1', last_told: '1' }, 'if it is brought back, the next event is the second')
  },
)
