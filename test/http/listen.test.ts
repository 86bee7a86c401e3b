import { fastify } from 'fastify'
import t from 'tap'
import { drain } from '../../src/http/listen.ts'

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
