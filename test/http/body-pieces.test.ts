import { type AddressInfo, connect } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { openLog } from '../../src/events/log.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openXml } from '../../src/fhir/xml/xml.ts'
import { parseBodies } from '../../src/http/fhir/fhir-body.ts'
import { openServer } from '../../src/http/server.ts'

const xml = openXml(loadRegistry().structures)
const log = openLog('silent', { write: () => {} })
const server = await openServer({ config: { maxBodyBytes: 20_000, corsOrigins: '*', trustProxy: [] }, log, xml })
let pieces = 0
await server.register(async scope => {
  parseBodies(scope)
  // After the server's own hooks for every body: shows what a parser gets.
  scope.addHook('preParsing', (_request, _reply, payload, done) => {
    pieces = 0
    payload.on('data', () => {
      pieces += 1
    })
    done(null, payload)
  })
  scope.post('/echo', async request => request.body)
})
await server.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => server.close())

const byteByByte = (body: Buffer): Buffer =>
  Buffer.concat([
    ...Array.from(body, byte => Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')])),
    Buffer.from('0\r\n\r\n'),
  ])

const post = async (head: string, body: Buffer): Promise<string> => {
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(`POST /echo HTTP/1.1\r\nhost: sharewell\r\nconnection: close\r\ncontent-type: application/fhir+json\r\n`)
  socket.write(`${head}\r\n\r\n`)
  socket.write(body)
  return readText(socket)
}

const patient = { resourceType: 'Patient', name: [{ family: 'Österberg'.repeat(1000) }] }
const text = Buffer.from(JSON.stringify(patient))

t.test('a body that is sent byte by byte is put together, and is the same', async t => {
  const answer = await post('transfer-encoding: chunked', byteByByte(text))
  t.match(answer, /^HTTP\/1.1 200/)
  t.same(JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)), patient)
  t.equal(pieces, 1)
})

t.test('so is one that is compressed', async t => {
  const answer = await post('content-encoding: gzip\r\ntransfer-encoding: chunked', byteByByte(gzipSync(text)))
  t.match(answer, /^HTTP\/1.1 200/)
  t.ok(answer.includes('Österberg'.repeat(1000)))
})

t.test('one that is too large is refused as usual, and so is one that is cut off', async t => {
  t.match(await post('transfer-encoding: chunked', byteByByte(Buffer.alloc(21_000, ' '))), /^HTTP\/1.1 413/)
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1')
  socket.end(
    `POST /echo HTTP/1.1\r\nhost: sharewell\r\ncontent-type: application/fhir+json\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n`,
  )
  t.match(await readText(socket), /^HTTP\/1.1 400/)
})
