import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { fastify } from 'fastify'
import t from 'tap'
import { drain, portOf } from '../../src/http/listen.ts'

t.test('stopping waits for the work in progress, and no longer than was said', async t => {
  const done = Promise.withResolvers<void>()
  const stopping = async () => {
    const server = fastify({ pluginTimeout: 0 })
    server.addHook('preClose', () => done.promise)
    await server.listen({ host: '127.0.0.1', port: 0 })
    return server
  }
  const [hasty, patient] = [await stopping(), await stopping()]
  const waiting = drain(patient, 60_000)
  t.equal(await drain(hasty, 20), false, 'it is still going on')
  done.resolve()
  t.equal(await waiting, true)
})

t.test('stopping does not wait for what else might come over a connection whose request has been answered', async t => {
  const asked = Promise.withResolvers<void>()
  const done = Promise.withResolvers<void>()
  const server = fastify({ keepAliveTimeout: 120_000 })
  server.get('/', async () => {
    asked.resolve()
    await done.promise
    return 'done'
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const answered = once(get({ host: '127.0.0.1', port: portOf(server), agent }), 'response')
  await asked.promise
  let isCut = false
  const cut = server.server.closeAllConnections.bind(server.server)
  server.server.closeAllConnections = () => {
    isCut = true
    cut()
  }
  const stopped = drain(server, 10_000)
  // Until then, it closes by itself whatever is idle.
  while (server.server.listening) await turn()
  done.resolve()
  const [answer] = (await answered) as [IncomingMessage]
  answer.resume()
  t.equal(answer.statusCode, 200)
  t.equal(await stopped, true)
  t.notOk(isCut)
})
