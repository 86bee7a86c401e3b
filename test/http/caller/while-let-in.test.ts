import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { openLog } from '../../../src/events/log.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { openXml } from '../../../src/fhir/xml/xml.ts'
import { whileLetIn } from '../../../src/http/caller/while-let-in.ts'
import { openServer } from '../../../src/http/server.ts'
import { readSlowly } from '../../support/slow-reader.ts'

const lines: string[] = []
const log = openLog('info', { write: line => lines.push(line) })
const xml = openXml(loadRegistry().structures)
const server = await openServer({ config: { maxBodyBytes: 2000, corsOrigins: '*', trustProxy: [] }, log, xml })
t.teardown(() => server.close())

const send = (pieces: () => AsyncGenerator<string>) => (request: FastifyRequest, reply: FastifyReply) => {
  request.isStillLetIn = async () => false
  return reply.type('text/plain').send(Readable.from(whileLetIn(request, pieces()), { objectMode: false }))
}
server.get(
  '/broken',
  send(async function* () {
    yield 'one\n'
    throw Object.assign(new Error('broken'), { detail: 'Failing row contains (glucose 400)' })
  }),
)
server.get(
  '/slow',
  send(async function* () {
    yield 'one\n'
    await pause(1100)
    yield 'two\n'
  }),
)
server.get(
  '/long',
  send(async function* () {
    for (;;) yield randomBytes(100_000).toString('hex')
  }),
)

t.test('a fault while an answer is being sent is logged, with the request id but no row', async t => {
  await t.rejects(server.inject('/broken'))
  const logged = lines.filter(line => line.includes('broken') && line.includes('"level":50'))
  t.equal(logged.length, 1)
  t.match(JSON.parse(logged[0] ?? ''), { requestId: /^[0-9a-f-]{36}$/, err: { message: 'broken' } })
  t.notMatch(lines.join(''), /glucose/)
})

t.test('a client that disconnects is not a fault, compressed or not', async t => {
  lines.length = 0
  const address = await server.listen({ port: 0, host: '127.0.0.1' })
  for (const encoding of ['identity', 'gzip']) {
    const { destroy } = await readSlowly(`${address}/long`, { 'accept-encoding': encoding })
    destroy()
  }
  await pause(200)
  t.notMatch(lines.join(''), /"level":[56]0/)
})

t.test('somebody who is no longer let in gets nothing further, which is not a fault', async t => {
  lines.length = 0
  await t.rejects(server.inject('/slow'))
  t.notMatch(lines.join(''), /"level":[56]0/)
})
