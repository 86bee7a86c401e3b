import t from 'tap'
import { sql } from '../../src/storage/sql.ts'
import { someoneWaits } from '../support/someone-waits.ts'
import { openSubscriptionWorld, toHook } from './world.ts'

const world = await openSubscriptionWorld()
const { database, researcher, subscribe, reaches, receiver } = world
t.teardown(world.close)

t.test('of two Subscriptions that are written at the same time, only the hundredth is taken', async t => {
  const id = await subscribe(researcher)
  await reaches(researcher, id, 'active')
  await database.run(sql.fragment`
    INSERT INTO subscriber
    SELECT (jsonb_populate_record(subscriber, jsonb_build_object('id', 'copy-' || number, 'status', 'error'))).*
    FROM subscriber, generate_series(1, 98) AS number WHERE id = ${id}`)
  const subscription = toHook(receiver.origin)
  const both = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      { resource: subscription, request: { method: 'POST', url: 'Subscription' } },
      { resource: { ...subscription, id }, request: { method: 'PUT', url: `Subscription/${id}` } },
    ],
  }
  const [first, second] = await database.transaction(async connection => {
    await connection.any(sql.fragment`SELECT FROM subscriber WHERE id = ${id} FOR UPDATE`)
    const first = world.send(researcher, 'POST', '', both).then(({ statusCode }) => statusCode)
    await someoneWaits(connection)
    const second = world.send(researcher, 'POST', 'Subscription', subscription)
    const answered = second.then(() => {})
    await Promise.race([answered, someoneWaits(connection, 2)])
    return [first, second]
  })
  t.equal(await first, 200)
  const answer = await second
  t.equal(answer.statusCode, 422)
  t.match(answer.json().issue, [
    {
      code: 'business-rule',
      diagnostics: 'There are 100 Subscriptions already that are not off; turn one off, or delete it',
      expression: ['Subscription.status'],
    },
  ])
})
