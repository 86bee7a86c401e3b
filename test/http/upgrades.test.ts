import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import t from 'tap'
import WebSocket from 'ws'
import { openLog } from '../../src/events/log.ts'
import { openServer } from '../../src/http/server.ts'
import { websocketRoutes } from '../../src/http/websocket.ts'
import { noTrail } from '../../src/storage/audit/trail.ts'

const log = openLog('silent')
const server = await openServer({
  config: { maxBodyBytes: 2000, corsOrigins: [], trustProxy: [] },
  log,
  xml: undefined as never,
})
await server.register(websocketRoutes, {
  sockets: { open: () => ({ receive: async () => {}, end: () => {} }), close: async () => {} },
  findCaller: async () => undefined,
  findRefused: async () => undefined,
  trail: noTrail,
})
server.post('/echo', async ({ body }) => body)
server.get('/slow', async ({ raw: { socket } }) => {
  server.server.emit('asked')
  await once(socket, 'close')
  return 'nobody reads this'
})
await server.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => server.close())
const { port } = server.server.address() as AddressInfo
const open = () => connect(port, '127.0.0.1')

const posted = '{"a":"b"}'
const heads = ['h2c', 'websocket'].map(upgrade => `host: sharewell\r\nconnection: upgrade\r\nupgrade: ${upgrade}\r\n`)

for (const head of heads) {
  const isFor = /upgrade: (\w+)/.exec(head)?.[1]
  t.test(`the body of a request that asks for ${isFor} is read, and so is the next request`, async t => {
    const socket = open()
    socket.write(
      `POST /echo HTTP/1.1\r\n${head}content-type: application/json\r\ncontent-length: ${posted.length}\r\n\r\n${posted}`,
    )
    const [first] = await once(socket, 'data')
    socket.write('GET /nothing HTTP/1.1\r\nhost: sharewell\r\nconnection: close\r\n\r\n')
    t.match(String(first), /^HTTP\/1\.1 200 [\s\S]*\{"a":"b"\}$/)
    t.match(await readText(socket), /^HTTP\/1\.1 404 /)
  })

  t.test(`that whoever asked for ${isFor} has left is noticed before the answer`, async t => {
    const socket = open()
    const asked = once(server.server, 'asked')
    socket.write(`GET /slow HTTP/1.1\r\n${head}\r\n`)
    await asked
    socket.destroy()
    while ((await new Promise<number>(resolve => server.server.getConnections((_, count) => resolve(count)))) > 0)
      await new Promise(setImmediate)
    t.pass('the connection is closed here, too')
  })
}

t.test('a websocket is opened at its path, and for anything else it is said what is missing', async t => {
  const there = new WebSocket(`ws://127.0.0.1:${port}/ws?a=b`)
  await once(there, 'open')
  there.close()
  const socket = open()
  socket.write(`GET /ws HTTP/1.1\r\n${heads[0]}\r\n`)
  const [told] = await once(socket, 'data')
  t.match(String(told), /^HTTP\/1\.1 426 [\s\S]*Only a websocket is opened here/)
  socket.destroy()
})
