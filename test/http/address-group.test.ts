import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import fastifyRateLimit from '@fastify/rate-limit'
import t from 'tap'
import { openLog } from '../../src/events/log.ts'
import { addressGroup } from '../../src/http/address-group.ts'
import { RequestCounts } from '../../src/http/request-counts.ts'
import { openServer } from '../../src/http/server.ts'

for (const trustProxy of [[], ['127.0.0.1']])
  t.test(`whoever leaves before they are counted is no fault (${trustProxy.length} proxies)`, async t => {
    const lines: string[] = []
    const log = openLog('info', { write: line => lines.push(line) })
    const server = await openServer({
      config: { maxBodyBytes: 2000, corsOrigins: [], trustProxy },
      log,
      xml: undefined as never,
    })
    let isHandled = false
    server.addHook('onRequest', async ({ raw: { socket } }) => {
      server.server.emit('asked')
      await once(socket, 'close')
    })
    await server.register(fastifyRateLimit, { max: 1, keyGenerator: addressGroup, store: RequestCounts })
    server.get('/counted', async () => {
      isHandled = true
    })
    const told = new Promise<unknown>(resolve =>
      server.addHook('onError', async (_request, _reply, error) => resolve(error)),
    )
    t.teardown(() => server.close())
    await server.listen({ port: 0, host: '127.0.0.1' })
    const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
    const asked = once(server.server, 'asked')
    socket.write('GET /counted HTTP/1.1\r\nhost: sharewell\r\nx-forwarded-for: 10.0.0.7\r\n\r\n')
    await asked
    socket.destroy()
    t.match(await told, { message: 'The request broke off before its end' })
    await new Promise(setImmediate)
    t.equal(isHandled, false)
    t.same(
      lines.filter(line => JSON.parse(line).level > 30),
      [],
    )
  })
