import { once } from 'node:events'
import type { Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import WebSocket from 'ws'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { until } from '../subscriptions/receiver.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
t.setTimeout(240_000)
for (const client of clients) await registerClient(world.database, { name: client.id, ...client })
const server = await world.open({ pauseMs: 50, retries: 0 })
t.teardown(async () => {
  await server.close()
  await world.server.close()
})
const address = (await server.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws')
const tokenOf = async ({ token }: CallerRow) => token && (await world.token(token))

/** How a websocket of the bearer ends, or what it receives, after it has sent something. */
const answerTo = async (text: string, bearer: string | undefined): Promise<string> => {
  const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }
  const socket = new WebSocket(`${address}/ws`, { headers })
  await once(socket, 'open')
  const answered = new Promise<string>(resolve => {
    socket.on('message', data => resolve(`told: ${data}`))
    socket.on('close', (_code, reason) => resolve(`closed: ${reason}`))
  })
  socket.send(text)
  const answer = await answered
  socket.terminate()
  return answer
}

t.test(
  'its creator binds a Subscription, with the client and scopes that wrote it, and for nobody else it exists',
  async t => {
    const registrar = callers.find(({ name }) => name === 'registrar')
    const call = world.call(registrar && (await tokenOf(registrar)))
    const subscription: Subscription = {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'x',
      criteria: 'Observation?code=omh:heart-rate',
      channel: { type: 'websocket' },
    }
    const { id }: { id: string } = JSON.parse((await call('POST', 'Subscription', subscription)).body)
    await until(async () => JSON.parse((await call('GET', `Subscription/${id}`)).body).status === 'active')

    for (const caller of callers) {
      const bearer = await tokenOf(caller)
      const { name, reader } = caller
      const bound = await answerTo(`bind ${id}`, bearer)
      if (name === 'registrar') t.equal(bound, `told: bound ${id}`, name)
      else if (reader.kind === 'everything')
        t.match(bound, /^closed: .* was written with another client or scopes$/, name)
      else t.equal(bound.replace(id, 'none'), await answerTo('bind none', bearer), name)

      const issue = async (asked: string) => {
        const { status, body } = await world.call(bearer)('GET', `Subscription/${asked}/$get-ws-binding-token`)
        return [status, body.replaceAll(asked, 'ID')]
      }
      const [status, body] = await issue(id)
      if (name === 'registrar') t.match([status, body], [200, /"name":"token"/], name)
      else if (reader.kind === 'everything') t.equal(status, 422, name)
      else t.strictSame([status, body], await issue('none'), name)
    }
  },
)
