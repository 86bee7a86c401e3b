import { setTimeout as sleep } from 'node:timers/promises'
import type { Parameters } from '@medplum/fhirtypes'
import t from 'tap'
import { all, type Expression, none } from '../../src/search/expression.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { giveNotice } from '../../src/storage/subscription/notice.ts'
import { openSockets } from '../../src/subscriptions/sockets.ts'
import { withDatabase } from '../support/database.ts'
import { until } from './receiver.ts'
import { socketOptions } from './socket-options.ts'
import { openSubscriptionWorld } from './world.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url)
const options = socketOptions(t)
const sockets = openSockets({ ...options, database, databaseUrl: url, accessFor: () => () => none })
t.setTimeout(240_000)
t.teardown(async () => {
  await sockets.close()
  await database.close()
  await close()
})

const world = await openSubscriptionWorld()
const beside = openDatabase(world.url)
const telling = openSockets({ ...options, database: beside, databaseUrl: world.url, accessFor: () => () => all })
t.teardown(async () => {
  await telling.close()
  await beside.close()
  await world.close()
})

/** A client without a token, which collects the reasons why it was disconnected. */
const connect = () => {
  const reasons: string[] = []
  const connected = sockets.open({ send: async () => {}, close: reason => reasons.push(reason) }, undefined)
  return { ...connected, reasons }
}

t.test('the client that has bound nothing for the longest time makes room, so nobody keeps others out', async t => {
  const all = Array.from({ length: 5003 }, connect)
  const gone = all.filter(({ reasons }) => reasons.length > 0)
  t.same(gone, all.slice(0, 3))
  t.same(gone[0]?.reasons, ['There are too many connections; try again later'])
  for (const { end } of all) end()
})

t.test('messages are handled one by one, and not at all once the socket is closed', async t => {
  const { receive, reasons, end } = connect()
  await Promise.all(Array.from({ length: 50 }, () => receive('bind-with-token x')))
  t.same(reasons, ['The binding token is not known, was used before, or binds nothing any more'])
  end()
})

t.test('more messages at once than anybody needs end it', async t => {
  const { receive, reasons, end } = connect()
  await Promise.all(Array.from({ length: 500 }, () => receive('bind-with-token x')))
  await until(() => reasons.length > 0)
  t.same(reasons, ['Too many messages at once'])
  end()
})

const subscribe = async (): Promise<string> => {
  const channel = { type: 'websocket', payload: 'application/fhir+json' } as const
  const id = await world.subscribe(world.researcher, { channel })
  await world.reaches(world.researcher, id, 'active')
  return id
}

/** A client that has bound it, and reads after the handshake at once, or when `read` says so. */
const bind = async (id = '', { reads, by = telling }: { reads: 'at once' | 'later'; by?: typeof telling }) => {
  const issued: Parameters = (
    await world.send(world.researcher, 'GET', `Subscription/${id}/$get-ws-binding-token`)
  ).json()
  const token = issued.parameter?.find(({ name }) => name === 'token')?.valueString
  const heard: string[] = []
  const reasons: string[] = []
  const reading = Promise.withResolvers<void>()
  const send = async (text: string) => {
    heard.push(text)
    if (reads === 'later' && heard.length > 1) await reading.promise
  }
  const { receive, end } = by.open({ send, close: reason => reasons.push(reason) }, undefined)
  await receive(`bind-with-token ${token}`)
  return { heard, reasons, read: reading.resolve, end }
}

t.test('a client that does not read is sent no more until it does', async t => {
  const id = await subscribe()
  const slow = await bind(id, { reads: 'later' })
  const quick = await bind(id, { reads: 'at once' })
  for (const told of [2, 3, 4]) {
    await world.measure(58 + told)
    await until(() => quick.heard.length === told)
  }
  t.equal(slow.heard.length, 2, 'the handshake, and one that is not read yet')
  slow.read()
  await until(() => slow.heard.length === quick.heard.length)
  for (const { end } of [slow, quick]) end()
})

t.test('what waits for a client that is gone is not sent', async t => {
  const id = await subscribe()
  const gone = await bind(id, { reads: 'later' })
  const quick = await bind(id, { reads: 'at once' })
  for (const told of [2, 3]) {
    await world.measure(78 + told)
    await until(() => quick.heard.length === told)
  }
  gone.end()
  gone.read()
  await world.measure(82)
  await until(() => quick.heard.length === 4)
  t.equal(gone.heard.length, 2, 'the handshake, and one that it had not read')
  quick.end()
})

t.test('an event of which nothing may be seen any more is not told, however late it would be', async t => {
  const id = await subscribe()
  const { heard, end } = await bind(id, { reads: 'at once' })
  const gone = await world.measure(91)
  await until(() => heard.length === 2)
  await world.send(world.ann, 'DELETE', `Observation/${gone.id}`)
  const later = await world.measure(92)
  await until(() => heard.at(-1)?.includes(`Observation/${later.id}`))
  const before = heard.length
  const number = Number(/"event-number","valueString":"(\d+)"/.exec(heard.at(-1) ?? '')?.[1])
  await giveNotice(beside, { id, after: 0, until: 1 })
  await giveNotice(beside, { id, after: number - 1, until: number })
  await until(() => heard.length > before)
  t.match(heard.slice(before), [new RegExp(`Observation/${later.id}`)])
  end()
})

const mayBeMissed = ['Something may not have been told; $events tells it']

t.test('if the listening connection was lost, clients that may have missed something are told to ask', async t => {
  const { reasons } = await bind(await subscribe(), { reads: 'at once' })
  await beside.run(sql.fragment`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'sharewell notices' AND datname = current_database()`)
  await until(() => reasons.length > 0)
  t.same(reasons, mayBeMissed)
})

t.test('so are those that could not be notified', async t => {
  const faults: unknown[] = []
  const failing = openSockets({
    ...options,
    database: beside,
    databaseUrl: world.url,
    accessFor: () => () => all,
    recordTold: () => Promise.reject(new Error('it cannot be recorded')),
    reportFault: fault => faults.push(fault),
  })
  const { heard, reasons } = await bind(await subscribe(), { reads: 'at once', by: failing })
  await world.measure(70)
  await until(() => reasons.length > 0)
  t.same(reasons, mayBeMissed)
  t.match(faults, [{ message: 'it cannot be recorded' }])
  t.equal(heard.length, 1, 'the handshake')
  await failing.close()
})

t.test('one whose creator may read no Subscription any more is closed', async t => {
  let rule: Expression = all
  const limited = openSockets({
    ...options,
    database: beside,
    databaseUrl: world.url,
    accessFor: () => () => rule,
    checkMs: 50,
  })
  const id = await subscribe()
  const { heard, reasons } = await bind(id, { reads: 'at once', by: limited })
  t.equal(heard.length, 1, 'the handshake')
  rule = none
  await until(() => reasons.length > 0)
  t.same(reasons, [`Subscription/${id} has ended`])
  await limited.close()
})

t.test('if checking whether a binding is still allowed takes long, no second check runs at once', async t => {
  const held = Promise.withResolvers<void>()
  let isSlow = false
  let [looking, most] = [0, 0]
  const slowly = openSockets({
    ...options,
    database: {
      ...beside,
      maybeOne: async query => {
        if (!isSlow) return beside.maybeOne(query)
        looking += 1
        most = Math.max(most, looking)
        await held.promise
        looking -= 1
        return beside.maybeOne(query)
      },
    },
    databaseUrl: world.url,
    accessFor: () => () => all,
    checkMs: 1,
  })
  const id = await subscribe()
  for (let count = 0; count < 3; count++) await bind(id, { reads: 'at once', by: slowly })
  isSlow = true
  await until(() => looking > 0)
  await sleep(50)
  t.equal(most, 1)
  held.resolve()
  await slowly.close()
})

t.test('a Subscription has a limited number of websockets', async t => {
  const id = await subscribe()
  const others = []
  for (let count = 0; count < 20; count++) others.push(await bind(id, { reads: 'at once' }))
  t.same(
    others.flatMap(({ reasons }) => reasons),
    [],
  )
  const last = await bind(id, { reads: 'at once' })
  t.same([last.heard, last.reasons], [[], [`Subscription/${id} has too many websockets`]])
  for (const { end } of others) end()
})

t.test('one person has a limited number of websockets, whatever they bind', async t => {
  const ids = [await subscribe(), await subscribe(), await subscribe()]
  const others = []
  for (let count = 0; count < 50; count++) others.push(await bind(ids[count % 3], { reads: 'at once' }))
  t.same(
    others.flatMap(({ reasons }) => reasons),
    [],
  )
  const last = await bind(ids[2], { reads: 'at once' })
  t.same([last.heard, last.reasons], [[], [`Subscription/${ids[2]} has too many websockets`]])
  others[0]?.end()
  t.same((await bind(ids[2], { reads: 'at once' })).reasons, [])
})
