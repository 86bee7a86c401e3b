import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fastify } from 'fastify'
import t from 'tap'
import WebSocket from 'ws'
import { websocketRoutes } from '../../src/http/websocket.ts'
import { noTrail } from '../../src/storage/audit/trail.ts'
import type { Socket } from '../../src/subscriptions/connection.ts'
import { until } from '../subscriptions/receiver.ts'

const ended: string[] = []
let opened = 0
const lines: string[] = []
const options = {
  sockets: {
    open: ({ close }: Pick<Socket, 'close'>) => {
      opened += 1
      const name = `socket ${opened}`
      return { receive: async (text: string) => close(text), end: () => ended.push(name) }
    },
    close: async () => {},
  },
  findCaller: async () => undefined,
  findRefused: async () => undefined,
  trail: noTrail,
  // Longer than a busy machine delays an answer.
  pingEveryMs: 250,
}
const server = fastify({ logger: { level: 'info', stream: { write: line => lines.push(line) } } })
await server.register(websocketRoutes, options)
const address = (await server.listen({ port: 0, host: '127.0.0.1' })).replace('http', 'ws')
t.teardown(() => server.close())

t.test('a websocket whose client silently disappeared is closed, and one that answers stays', async t => {
  const gone = new WebSocket(`${address}/ws`, { autoPong: false })
  gone.on('error', () => {})
  // It may be closed before the other one is open.
  const closed = once(gone, 'close')
  await once(gone, 'open')
  const there = new WebSocket(`${address}/ws`)
  await once(there, 'open')
  const [code] = await closed
  t.equal(code, 1006)
  let pings = 0
  there.on('ping', () => {
    pings += 1
  })
  await until(() => pings > 3)
  t.same([ended, there.readyState], [['socket 1'], WebSocket.OPEN])
  there.close()
})

t.test('as much of the reason for closing as fits is sent, in whole characters', async t => {
  const told = async (reason: string) => {
    const socket = new WebSocket(`${address}/ws`)
    await once(socket, 'open')
    socket.send(reason)
    const [code, said] = await once(socket, 'close')
    return [code, String(said)]
  }
  t.strictSame(await told('no'), [1008, 'no'])
  t.strictSame(await told('x'.repeat(124)), [1008, 'x'.repeat(123)])
  t.strictSame(await told('é'.repeat(100)), [1008, 'é'.repeat(61)])
  t.strictSame(await told('😀'.repeat(100)), [1008, '😀'.repeat(30)])
})

t.test('what breaks the protocol of websockets is no fault of the server, and is in the log as what it is', async t => {
  lines.length = 0
  const socket = new WebSocket(`${address}/ws`)
  await once(socket, 'open')
  socket.send('x'.repeat(100_000))
  const [code] = await once(socket, 'close')
  t.equal(code, 1009)
  const told = () => lines.map(line => JSON.parse(line)).filter(line => JSON.stringify(line).includes('Max payload'))
  await until(() => told().length > 0)
  t.match(told()[0], { level: 30, reason: 'Max payload size exceeded', msg: 'A websocket was broken by its client' })
  t.notMatch(lines.join(''), /"level":[45]0/)
})

t.test('a client that does not answer that its websocket is closed keeps no server from stopping', async t => {
  const stopping = fastify()
  await stopping.register(websocketRoutes, { ...options, pingEveryMs: 60_000, closeWithinMs: 50 })
  await stopping.listen({ port: 0, host: '127.0.0.1' })
  const [{ port = 0 } = {}] = stopping.addresses() as { port: number }[]
  const asleep = connect(port, '127.0.0.1')
  t.teardown(() => asleep.destroy())
  const head = ['GET /ws HTTP/1.1', 'Host: localhost', 'Connection: Upgrade', 'Upgrade: websocket']
  asleep.write(
    [...head, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: c2hhcmV3ZWxsLWFzbGVlcA==', '', ''].join('\r\n'),
  )
  t.match(String((await once(asleep, 'data'))[0]), /^HTTP\/1.1 101 /)
  const end = new AbortController()
  t.equal(await Promise.race([stopping.close(), pause(15_000, 'still open', { signal: end.signal })]), undefined)
  end.abort()
})

t.test('a method by which no websocket is opened is told by which one is', async t => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    const refused = await fetch(`${address.replace('ws', 'http')}/ws`, { method })
    t.equal(refused.status, 405)
    t.equal(refused.headers.get('allow'), 'GET, HEAD')
    t.match(await refused.text(), `${method} is not answered here; accepted: GET"`)
  }
})

t.test('a request that opens no websocket is told that it has to', async t => {
  const refused = await fetch(`${address.replace('ws', 'http')}/ws`)
  t.equal(refused.status, 426)
  t.match(refused.headers.get('upgrade'), 'websocket')
  t.match(refused.headers.get('connection'), /\bupgrade\b/i)
  t.match(await refused.text(), /Only a websocket is opened here; a proxy has to pass on Upgrade and Connection/)
  const there = new WebSocket(`${address}/ws`)
  await once(there, 'open')
  there.close()
})
