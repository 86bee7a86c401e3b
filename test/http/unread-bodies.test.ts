import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { openLog } from '../../src/events/log.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openXml } from '../../src/fhir/xml/xml.ts'
import { parseBodies } from '../../src/http/fhir/fhir-body.ts'
import { openServer } from '../../src/http/server.ts'

const mostBytes = 1_000_000
const xml = openXml(loadRegistry().structures)
const log = openLog('silent', { write: () => {} })
const server = await openServer({ config: { maxBodyBytes: mostBytes, corsOrigins: '*', trustProxy: [] }, log, xml })
await server.register(async scope => {
  parseBodies(scope)
  scope.post('/echo', async () => 'read')
})
await server.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => server.close())

type Sent = { readonly type: string; readonly bytes: number; readonly closes?: true; readonly isChunked?: true }

/** Sends all of it before anything is read, as many clients do, and then another request if the connection goes on. */
const answersTo = async ({ type, bytes, closes, isChunked }: Sent): Promise<readonly string[]> => {
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
  let received = ''
  socket.pause()
  const length = isChunked ? 'transfer-encoding: chunked' : `content-length: ${bytes}`
  const connection = closes ? 'connection: close\r\n' : ''
  socket.write(`POST /echo HTTP/1.1\r\nhost: sharewell\r\ncontent-type: ${type}\r\n${connection}${length}\r\n\r\n`)
  for (const part of partsOf(bytes)) if (!socket.write(isChunked ? chunkOf(part) : part)) await once(socket, 'drain')
  if (isChunked) socket.write(chunkOf(Buffer.alloc(0)))
  if (!closes)
    socket.end(
      'POST /echo HTTP/1.1\r\nhost: sharewell\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    )
  socket.setEncoding('utf8')
  for await (const text of socket) received += text
  return received.match(/HTTP\/1\.1 \d{3}/g) ?? []
}

const partsOf = function* (bytes: number): Generator<Buffer> {
  for (let sent = 0; sent < bytes; sent += piece.length) yield piece.subarray(0, bytes - sent)
}
const chunkOf = (part: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
const piece = Buffer.alloc(65_536, 'x')

t.test('whoever sends more than is taken is told so once all is sent, and the connection goes on', async t => {
  t.strictSame(await answersTo({ type: 'application/fhir+json', bytes: 7_000_000 }), ['HTTP/1.1 413', 'HTTP/1.1 200'])
})

t.test('and so is whoever sends what is not taken', async t => {
  t.strictSame(await answersTo({ type: 'text/plain', bytes: 5_000_000 }), ['HTTP/1.1 415', 'HTTP/1.1 200'])
})

t.test('whoever closes the connection with the request is told as well', async t => {
  t.strictSame(await answersTo({ type: 'application/fhir+json', bytes: 7_000_000, closes: true }), ['HTTP/1.1 413'])
  t.strictSame(await answersTo({ type: 'text/plain', bytes: 5_000_000, closes: true }), ['HTTP/1.1 415'])
})

t.test('and so is whoever sends a body in chunks, without its length', async t => {
  const type = 'application/fhir+json'
  t.strictSame(await answersTo({ type, bytes: 7_000_000, isChunked: true }), ['HTTP/1.1 413', 'HTTP/1.1 200'])
  t.strictSame(await answersTo({ type, bytes: 7_000_000, isChunked: true, closes: true }), ['HTTP/1.1 413'])
  t.strictSame(await answersTo({ type: 'text/plain', bytes: 5_000_000, isChunked: true }), [
    'HTTP/1.1 415',
    'HTTP/1.1 200',
  ])
})

t.test('for a body that is far too large the connection is closed', async t => {
  const { headers } = await server.inject({
    method: 'POST',
    url: '/echo',
    headers: { 'content-type': 'application/fhir+json', 'content-length': String(8 * mostBytes + 1) },
    payload: '{}',
  })
  t.equal(headers.connection, 'close')
})

t.test('a server that is stopping closes each connection with the next answer', async t => {
  const stopping = await openServer({ config: { maxBodyBytes: mostBytes, corsOrigins: '*', trustProxy: [] }, log, xml })
  const [begun, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  stopping.get('/long', async () => {
    begun.resolve()
    await end.promise
    return 'done'
  })
  stopping.get('/short', async () => 'read')
  await stopping.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((stopping.server.address() as AddressInfo).port, '127.0.0.1')
  const asking = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nhost: sharewell\r\n\r\n`)
  asking('/long')
  await begun.promise
  const stopped = stopping.close()
  while (stopping.server.listening) await new Promise(resolve => setTimeout(resolve, 5))
  asking('/short')
  end.resolve()
  let received = ''
  socket.setEncoding('utf8')
  for await (const text of socket) received += text
  await stopped
  t.strictSame(received.match(/HTTP\/1\.1 \d{3}|^connection: [a-z-]+/gim), [
    'HTTP/1.1 200',
    'Connection: keep-alive',
    'HTTP/1.1 200',
    'Connection: close',
  ])
})
