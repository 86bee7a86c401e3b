import { once } from 'node:events'
import type { Bundle, Parameters, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import WebSocket from 'ws'
import { backportUrls, observationsTopic } from '../../src/fhir/subscription.ts'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { revokeToken } from '../../src/storage/authorization/token.ts'
import { digestOf } from '../../src/storage/secret/secret.ts'
import { sql } from '../../src/storage/sql.ts'
import { serverOver } from '../support/server-over.ts'
import { whileGoneAt } from '../support/while-gone.ts'
import { openBrokenWire } from '../support/wire.ts'
import { until } from './receiver.ts'
import { openSubscriptionWorld, scope } from './world.ts'

const world = await openSubscriptionWorld()
const { researcher, measure, subscribe, reaches, send, database } = world
t.teardown(world.close)
t.setTimeout(240_000)
const address = (await world.server.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws')

/** A websocket, with everything that it received. */
const connect = async (bearer?: string, at = address) => {
  const socket = new WebSocket(
    `${at}/ws`,
    bearer === undefined ? {} : { headers: { authorization: `Bearer ${bearer}` } },
  )
  const heard: string[] = []
  let closed: { code: number; reason: string } | undefined
  socket.on('message', data => heard.push(String(data)))
  socket.on('close', (code, reason) => {
    closed = { code, reason: String(reason) }
  })
  await once(socket, 'open')
  const say = (text: string) => socket.send(text)
  const closes = () => until(() => closed)
  return { say, heard, closes, end: () => socket.close() }
}

const websocket: Partial<Subscription> = { channel: { type: 'websocket' } }

t.test('somebody who binds their own Subscription is pinged when there is something new', async t => {
  const id = await subscribe(researcher, websocket)
  await reaches(researcher, id, 'active')
  const { say, heard, end } = await connect(researcher)
  say(`bind ${id}`)
  await until(() => heard.length > 0)
  await measure(60)
  await until(() => heard.length > 1)
  t.same(heard, [`bound ${id}`, `ping ${id}`])
  end()
})

t.test('if it is to a topic, they get Bundles', async t => {
  const id = await subscribe(researcher, { ...websocket, criteria: observationsTopic })
  await reaches(researcher, id, 'active')
  const { say, heard, end } = await connect(researcher)
  say(`bind ${id}`)
  await until(() => heard.length > 0)
  await measure(60)
  await until(() => heard.length > 1)
  t.equal(heard[0], `bound ${id}`)
  t.match(JSON.parse(heard[1] ?? ''), { resourceType: 'Bundle', type: 'history' })
  end()
})

t.test('another’s Subscription cannot be bound, nor one that does not exist', async t => {
  const id = await subscribe(researcher, websocket)
  await reaches(researcher, id, 'active')
  for (const [bearer, asked] of [
    [world.ann, id],
    [world.manager, id],
    [researcher, 'none'],
  ] as const) {
    const { say, heard, closes } = await connect(bearer)
    say(`bind ${asked}`)
    t.same(await closes(), { code: 1008, reason: `Subscription/${asked} is not known` })
    t.same(heard, [])
  }
})

t.test('one that is off cannot be bound, nor one whose channel is another', async t => {
  const [off, hook] = [await subscribe(researcher, websocket), await subscribe(researcher)]
  for (const id of [off, hook]) await reaches(researcher, id, 'active')
  await world.update(researcher, { ...(await world.read(researcher, off)), status: 'off' })
  for (const id of [off, hook]) {
    const { say, heard, closes } = await connect(researcher)
    say(`bind ${id}`)
    t.same(await closes(), { code: 1008, reason: `Subscription/${id} is not active, or has another channel` })
    t.same(heard, [])
  }
  await world.update(researcher, { ...(await world.read(researcher, hook)), status: 'off' })
})

t.test('while the database is away, nobody is told that their Subscription is not known', async t => {
  const id = await subscribe(researcher, websocket)
  await reaches(researcher, id, 'active')
  const { say, heard, closes } = await connect(researcher)
  const bind = async () => {
    say(`bind ${id}`)
    return closes()
  }
  t.match(await whileGoneAt(database, 'audit_record', bind), { code: 1013, reason: /try again/ })
  t.same(heard, [])
})

t.test('without a valid token there is nothing to bind', async t => {
  const { say, closes } = await connect()
  say('bind x')
  t.match(await closes(), { code: 1008 })
  const refused = new WebSocket(`${address}/ws`, { headers: { authorization: 'Bearer nonsense' } })
  const [error] = await once(refused, 'error')
  t.match(error.message, /401/)
})

t.test('a websocket notifies nobody of what their own token does not cover', async t => {
  const full: Partial<Subscription> = {
    criteria: observationsTopic,
    channel: {
      type: 'websocket',
      payload: 'application/fhir+json',
      _payload: { extension: [{ url: backportUrls.payloadContent, valueCode: 'full-resource' }] },
    } as Subscription['channel'],
  }
  const id = await subscribe(researcher, full)
  await reaches(researcher, id, 'active')
  await registerClient(database, { id: 'another-app', name: 'another app', policies: [] })
  const { person } = world.hearts.researcher
  const subject = { kind: 'user', person } as const
  for (const [who, bearer, isSeen] of [
    ['other scopes', await world.staffToken(world.hearts.researcher, 'user/Subscription.rs'), true],
    ['another client', await world.token({ subject, scope, client: 'another-app' }), false],
    ['another study', await world.token({ subject, scope, study: 'none' }), true],
  ] as const) {
    t.equal(
      (await send(bearer, 'GET', `Subscription/${id}`)).statusCode,
      isSeen ? 200 : 404,
      `${who} than it was written with`,
    )
    const { say, heard, closes } = await connect(bearer)
    say(`bind ${id}`)
    const reason = isSeen ? 'was written with another client or scopes' : 'is not known'
    t.same(await closes(), { code: 1008, reason: `Subscription/${id} ${reason}` }, who)
    t.same(heard, [], who)
    const issued = await send(bearer, 'GET', `Subscription/${id}/$get-ws-binding-token`)
    t.equal(issued.statusCode, isSeen ? 422 : 404, who)
    if (isSeen) t.match(issued.json().issue, [{ diagnostics: /written with this client and these scopes/ }], who)
  }
  const alike = await world.staffToken(world.hearts.researcher, scope)
  const { say, heard, closes, end } = await connect(alike)
  say(`bind ${id}`)
  await until(() => heard.length > 0)
  t.same(heard, [`bound ${id}`], 'with a later token of the same grant')
  const wider = await world.staffToken(
    world.hearts.researcher,
    'user/Observation.rs user/Subscription.cruds user/Device.rs',
  )
  await world.update(wider, { ...(await world.read(wider, id)), status: 'requested' })
  t.match(
    await closes(),
    { code: 1008, reason: `Subscription/${id} has ended` },
    'until it is written with another one',
  )
  end()
})

t.test('what is not a message of this protocol ends it', async t => {
  const { say, closes } = await connect(researcher)
  say('hello')
  t.match(await closes(), { code: 1008 })
})

t.test('a revoked token ends the websocket', async t => {
  const bearer = await world.staffToken(world.hearts.researcher, scope)
  const id = await subscribe(bearer, websocket)
  await reaches(researcher, id, 'active')
  const { say, heard, closes } = await connect(bearer)
  say(`bind ${id}`)
  await until(() => heard.length > 0)
  await revokeToken(database, bearer)
  t.match(await closes(), { code: 1008 })
  t.same(heard, [`bound ${id}`])
})

t.test('so it does if the Subscription was written with another one, whose own websocket goes on', async t => {
  const id = await subscribe(researcher, websocket)
  await reaches(researcher, id, 'active')
  const alike = await world.staffToken(world.hearts.researcher, scope)
  const bound = async (bearer: string) => {
    const socket = await connect(bearer)
    socket.say(`bind ${id}`)
    await until(() => socket.heard.length > 0)
    return socket
  }
  const [staying, ending] = await Promise.all([bound(researcher), bound(alike)])
  await revokeToken(database, alike)
  await measure(62)
  t.match(await ending.closes(), { code: 1008, reason: 'The token is no longer in force' })
  await until(() => staying.heard.length > 1)
  t.same([staying.heard, ending.heard], [[`bound ${id}`, `ping ${id}`], [`bound ${id}`]])
  staying.end()
})

t.test('a binding token binds once, and Bundles are sent', async t => {
  const id = await subscribe(researcher, { ...websocket, criteria: observationsTopic })
  await reaches(researcher, id, 'active')
  const issued: Parameters = (await send(researcher, 'GET', `Subscription/${id}/$get-ws-binding-token`)).json()
  const named = (name: string) => issued.parameter?.find(one => one.name === name)
  t.match(issued.parameter, [
    { name: 'token', valueString: /^[\w-]{43}$/ },
    { name: 'expiration', valueDateTime: String },
    { name: 'subscription', valueString: `Subscription/${id}` },
    { name: 'websocket-url', valueUrl: /^ws:.*\/ws$/ },
  ])
  t.equal((await send(world.ann, 'GET', `Subscription/${id}/$get-ws-binding-token`)).statusCode, 404)
  const { say, heard, end } = await connect()
  say(`bind-with-token ${named('token')?.valueString}`)
  await until(() => heard.length > 0)
  const { id: focus } = await measure(61)
  await until(() => heard.length > 1)
  const bundles: Bundle<Parameters>[] = heard.map(text => JSON.parse(text))
  const told = (valueCode: string, valueString: string) => ({
    type: 'history',
    entry: [
      {
        resource: {
          parameter: [
            {},
            {},
            {},
            { name: 'type', valueCode },
            { name: 'events-since-subscription-start', valueString },
          ],
        },
      },
    ],
  })
  t.match(bundles, [told('handshake', '0'), told('event-notification', '1')])
  t.match(heard[1], `/Observation/${focus}`)
  end()
  const again = await connect()
  again.say(`bind-with-token ${named('token')?.valueString}`)
  t.match(await again.closes(), { code: 1008 })
  t.same(again.heard, [])
})

/** What a token gets to bind the Subscription with. */
const bindingOf = async (bearer: string, id: string): Promise<string> => {
  const issued: Parameters = (await send(bearer, 'GET', `Subscription/${id}/$get-ws-binding-token`)).json()
  return issued.parameter?.find(({ name }) => name === 'token')?.valueString ?? ''
}

t.test('a binding ends when the token for which its binding token was made is revoked', async t => {
  const id = await subscribe(researcher, { ...websocket, criteria: observationsTopic })
  await reaches(researcher, id, 'active')
  const alike = () => world.staffToken(world.hearts.researcher, scope)
  const [kept, expiring, revoked, early] = await Promise.all([alike(), alike(), alike(), alike()])
  const bound = async (bearer: string) => {
    const socket = await connect()
    socket.say(`bind-with-token ${await bindingOf(bearer, id)}`)
    await until(() => socket.heard.length > 0)
    return socket
  }
  const [staying, outliving, ending] = await Promise.all([bound(kept), bound(expiring), bound(revoked)])
  const binding = await bindingOf(early, id)
  await Promise.all([revokeToken(database, revoked), revokeToken(database, early)])
  await database.run(sql.fragment`UPDATE token SET expires_at = now() WHERE hash = ${sql.binary(digestOf(expiring))}`)
  await measure(64)
  t.match(await ending.closes(), { code: 1008, reason: `Subscription/${id} has ended` })
  await until(() => staying.heard.length > 1 && outliving.heard.length > 1)
  t.equal(ending.heard.length, 1, 'it is sent nothing any more')

  const late = await connect()
  late.say(`bind-with-token ${binding}`)
  t.match(await late.closes(), { code: 1008 }, 'nor can its binding token be used any more')
  t.same(late.heard, [])
  staying.end()
  outliving.end()
})

t.test(
  'if one of several Subscriptions on a websocket ends, it is closed and says which, however they were bound',
  async t => {
    const alike = await world.staffToken(world.hearts.researcher, scope)
    const subscription = async (bearer = researcher) => {
      const id = await subscribe(bearer, websocket)
      await reaches(researcher, id, 'active')
      return id
    }
    const write = async (bearer: string, id: string, more: Partial<Subscription>) =>
      world.update(bearer, { ...(await world.read(bearer, id)), ...more })
    const wider = `${scope} user/Device.rs`
    const staying = await subscription()
    const deleted = await subscription()
    const off = await subscription()
    const rewritten = await subscription()
    const elsewhere = await subscription()
    const revoked = await subscription(alike)
    const ending = [deleted, off, rewritten, elsewhere, revoked]
    const sockets = []
    for (const id of ending) {
      const byId = await connect(researcher)
      for (const one of [staying, id]) byId.say(`bind ${one}`)
      const byToken = await connect()
      for (const one of [id, staying]) byToken.say(`bind-with-token ${await bindingOf(researcher, one)}`)
      for (const { heard } of [byId, byToken]) await until(() => heard.length === 2)
      sockets.push({ id, byId, byToken })
    }

    await send(researcher, 'DELETE', `Subscription/${deleted}`)
    await write(researcher, off, { status: 'off' })
    await write(await world.staffToken(world.hearts.researcher, wider), rewritten, { status: 'requested' })
    const channel = { type: 'rest-hook', endpoint: `${world.receiver.origin}/hook` } as const
    await write(researcher, elsewhere, { status: 'requested', channel })
    await revokeToken(database, alike)
    for (const { id, byId, byToken } of sockets) {
      const told = { code: 1008, reason: `Subscription/${id} has ended` }
      t.same(await byId.closes(), told)
      t.same(await byToken.closes(), told)
    }

    const { id: focus } = await measure(65)
    const missed = () => send(researcher, 'GET', `Subscription/${staying}/$events?content=id-only`)
    await until(async () => (await missed()).body.includes(`Observation/${focus}`))
    const again = await connect(researcher)
    again.say(`bind ${staying}`)
    await until(() => again.heard.length > 0)
    // A ping of what was written meanwhile may follow.
    t.equal(again.heard[0], `bound ${staying}`, 'the other one can be bound anew')
    again.end()
  },
)

t.test(
  'a binding token that could bind nothing because the database went away binds when it is sent again',
  async t => {
    const wire = await openBrokenWire(world.url, 'subscriber.id = ANY')
    const breaking = await serverOver(t, wire, { pauseMs: 60_000, retries: 0 })
    const at = (await breaking.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws')
    const id = await subscribe(researcher, { ...websocket, criteria: observationsTopic })
    await reaches(researcher, id, 'active')
    const binding = await bindingOf(researcher, id)
    const bind = async () => {
      const socket = await connect(undefined, at)
      socket.say(`bind-with-token ${binding}`)
      return socket
    }
    t.match(await (await bind()).closes(), { code: 1013, reason: /try again/ })
    wire.mend()
    const bound = await bind()
    await until(() => bound.heard.length > 0)
    t.match(bound.heard, [/"handshake"/])
    bound.end()
  },
)

t.test('a binding token does not bind what was written with other scopes since', async t => {
  const id = await subscribe(researcher, { ...websocket, criteria: observationsTopic })
  await reaches(researcher, id, 'active')
  const binding = await bindingOf(researcher, id)
  const wider = await world.staffToken(
    world.hearts.researcher,
    'user/Observation.rs user/Subscription.cruds user/Device.rs',
  )
  const { resourceType, criteria, reason, channel } = await world.read(wider, id)
  await world.update(wider, { resourceType, id, criteria, reason, channel, status: 'requested' })
  await reaches(wider, id, 'active')
  const { say, heard, closes } = await connect()
  say(`bind-with-token ${binding}`)
  t.match(await closes(), { code: 1008 })
  t.same(heard, [])
})

t.test('a binding token that binds nothing any more is refused', async t => {
  const id = await subscribe(researcher, { ...websocket, criteria: observationsTopic })
  await reaches(researcher, id, 'active')
  const binding = await bindingOf(researcher, id)
  await world.update(researcher, { ...(await world.read(researcher, id)), status: 'off' })
  const { say, closes } = await connect()
  say(`bind-with-token ${binding}`)
  t.match(await closes(), { code: 1008, reason: /binds nothing any more$/ })
})

t.test('so is one that binds nothing beside what is bound already', async t => {
  const [one, other] = [await subscribe(researcher, websocket), await subscribe(researcher, websocket)]
  for (const id of [one, other]) await reaches(researcher, id, 'active')
  const [first, second] = [await bindingOf(researcher, one), await bindingOf(researcher, other)]
  await world.update(researcher, { ...(await world.read(researcher, other)), status: 'off' })
  const { say, heard, closes } = await connect()
  say(`bind-with-token ${first}`)
  await until(() => heard.length === 1)
  say(`bind-with-token ${second}`)
  t.match(await closes(), { code: 1008, reason: /binds nothing any more$/ })
})
