import type { Parameters } from '@medplum/fhirtypes'
import t from 'tap'
import { printScope } from '../../src/access/scope.ts'
import { all } from '../../src/search/expression.ts'
import { type Connection, openDatabase } from '../../src/storage/database.ts'
import type { SqlFragment } from '../../src/storage/sql.ts'
import { findSubscriber } from '../../src/storage/subscription/subscriber.ts'
import { openSockets } from '../../src/subscriptions/sockets.ts'
import { until } from './receiver.ts'
import { socketOptions } from './socket-options.ts'
import { openSubscriptionWorld, scope } from './world.ts'

const world = await openSubscriptionWorld()
const { researcher } = world
const database = openDatabase(world.url)

/** A connection on which something happens once, right after a statement in which a text stands. */
const meanwhile = <Over extends Connection>(connection: Over): Over => {
  const after =
    <Answer>(ask: (fragment: SqlFragment) => Promise<Answer>) =>
    async (fragment: SqlFragment): Promise<Answer> => {
      const answer = await ask(fragment)
      const { happen } = next
      if (happen !== undefined && fragment.sql.includes(next.behind)) {
        next.happen = undefined
        await happen()
      }
      return answer
    }
  return {
    ...connection,
    any: after(connection.any) as Over['any'],
    maybeOne: after(connection.maybeOne) as Over['maybeOne'],
  }
}
const next: { behind: string; happen: (() => Promise<void>) | undefined } = { behind: '', happen: undefined }
const onceBehind = (behind: string, happen: () => Promise<void>) => Object.assign(next, { behind, happen })

const sockets = openSockets({
  ...socketOptions(t),
  accessFor: () => () => all,
  database: {
    ...meanwhile(database),
    transaction: run => database.transaction(connection => run(meanwhile(connection))),
  },
  databaseUrl: world.url,
  checkMs: 3_600_000,
})
t.teardown(async () => {
  await sockets.close()
  await database.close()
  await world.close()
})

const wider = await world.staffToken(world.hearts.researcher, `${scope} user/Device.rs`)
const rewrite = async (id: string): Promise<void> => {
  await world.update(wider, { ...(await world.read(wider, id)), status: 'requested' })
  await world.reaches(wider, id, 'active')
}

const subscribe = async (): Promise<string> => {
  const id = await world.subscribe(researcher, { channel: { type: 'websocket', payload: 'application/fhir+json' } })
  await world.reaches(researcher, id, 'active')
  return id
}

/** A client that binds it by a token. */
const bind = async (id: string) => {
  const issued: Parameters = (await world.send(researcher, 'GET', `Subscription/${id}/$get-ws-binding-token`)).json()
  const token = issued.parameter?.find(({ name }) => name === 'token')?.valueString
  const heard: string[] = []
  const reasons: string[] = []
  const socket = { send: async (text: string) => void heard.push(text), close: (why: string) => void reasons.push(why) }
  const { receive, end } = sockets.open(socket, undefined)
  return { heard, reasons, end, bindByToken: () => receive(`bind-with-token ${token}`) }
}

t.test('while it is written with other rights, a Subscription is read as before with those of before', async t => {
  const id = await subscribe()
  const before = await findSubscriber(database, id)
  onceBehind('', () => rewrite(id))
  const found = await findSubscriber(meanwhile(database), id)
  t.strictSame(found, before)
  t.equal(found?.caller?.scopes.map(printScope).join(' '), scope)
  t.not((await findSubscriber(database, id))?.rights, before?.rights)
})

t.test('what is written with other rights at the moment at which it is bound is not bound', async t => {
  const id = await subscribe()
  const { heard, reasons, bindByToken, end } = await bind(id)
  onceBehind('ORDER BY subscriber.id', () => rewrite(id))
  await bindByToken()
  end()
  t.strictSame(heard, [])
  t.strictSame(reasons, ['The binding token is not known, was used before, or binds nothing any more'])
})

t.test('what is written with other rights at the moment at which it tells something tells it to nobody', async t => {
  const id = await subscribe()
  const { heard, reasons, bindByToken } = await bind(id)
  await bindByToken()
  t.equal(heard.length, 1, 'the handshake')
  await world.isIdle(id)
  const told = Promise.withResolvers<void>()
  onceBehind('stored.content', async () => {
    await rewrite(id)
    told.resolve()
  })
  await world.measure(66)
  await told.promise
  await world.measure(67)
  await until(() => reasons.length > 0)
  t.strictSame(reasons, [`Subscription/${id} has ended`])
  t.equal(heard.length, 1)
})
