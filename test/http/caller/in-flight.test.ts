import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { fastify } from 'fastify'
import t from 'tap'
import { layBodiesTogether } from '../../../src/http/body-pieces.ts'
import { openInFlightLimits } from '../../../src/http/caller/in-flight.ts'
import { answerError } from '../../../src/http/errors.ts'
import { presentAnswers } from '../../../src/http/fhir/presentation.ts'
import { beginInTurn } from '../../../src/http/pipelines.ts'

/** Four at a time. The headers say who calls, and the test decides when each is answered. */
const openSlow = async ({ most = 4, mostLarge = 4 } = {}) => {
  const server = fastify()
  const waiting: (() => void)[] = []
  beginInTurn(server)
  layBodiesTogether(server)
  presentAnswers(server, undefined as never)
  server.setErrorHandler(answerError)
  server.decorateRequest('caller', undefined)
  server.addHook('onRequest', async request => {
    const { person, leaves } = request.headers
    if (leaves !== undefined)
      await new Promise(resolve => request.raw.socket.once('close', () => setImmediate(resolve)))
    const client = { id: String(request.headers.client), policies: new Set() }
    request.caller = {
      client,
      ...(person === undefined ? {} : { person: { id: person } }),
    } as unknown as typeof request.caller
  })
  openInFlightLimits({ most, mostLarge })(server)
  const parseAs = { parseAs: 'string' } as const
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    parseAs,
    async (_request: unknown, text: string) => new URLSearchParams(text),
  )
  server.post('/', () => new Promise<string>(resolve => waiting.push(() => resolve('done'))))
  const send = (headers: Record<string, string>, payload: string | Readable = 'x') =>
    server
      .inject({ method: 'POST', url: '/', headers: { 'content-type': 'text/plain', ...headers }, payload })
      .then(({ statusCode }) => statusCode)
  const letGo = async (number: number) => {
    while (waiting.length < number) await new Promise(setImmediate)
    for (const one of waiting.splice(0)) one()
  }
  return { server, send, letGo }
}

t.test('nobody takes every place, through however many apps, and others continue meanwhile', async t => {
  const { server, send, letGo } = await openSlow()
  t.teardown(() => server.close())
  const own = ['a', 'b', 'c', 'd'].map(client => send({ person: 'ann', client }))
  t.equal(await Promise.race(own), 429)
  const other = send({ person: 'ben', client: 'a' })
  await letGo(4)
  t.same((await Promise.all(own)).sort(), [200, 200, 200, 429])
  t.equal(await other, 200)
  const again = ['a', 'b', 'c'].map(client => send({ person: 'ann', client }))
  await letGo(3)
  t.same(await Promise.all(again), [200, 200, 200], 'a place that was left is free')
})

t.test('clients with tokens of their own are counted separately', async t => {
  const { server, send, letGo } = await openSlow()
  t.teardown(() => server.close())
  const all = ['a', 'a', 'b', 'b'].map(client => send({ client }))
  await letGo(4)
  t.same(await Promise.all(all), [200, 200, 200, 200])
})

t.test('leaving before the answer frees the place', async t => {
  const { server, send, letGo } = await openSlow()
  t.teardown(() => server.close())
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  const head = 'POST / HTTP/1.1\r\nhost: a\r\nperson: ann\r\ncontent-type: text/plain\r\ncontent-length: 1\r\n\r\n'
  const goneAfter = async (text: string) => {
    const gone = connect(port, '127.0.0.1')
    gone.write(text)
    await pause(50)
    gone.destroy()
    await pause(50)
  }
  await goneAfter(`${head}x`)
  await letGo(1)
  await goneAfter(`${head}x`.repeat(3))
  await letGo(1)
  for (let time = 0; time < 4; time++) await goneAfter(head)
  // Whoever calls is found out while they leave.
  for (const body of ['', 'x', '', 'x']) await goneAfter(head.replace('person', 'leaves: yes\r\nperson') + body)
  await pause(50)
  const again = ['a', 'b', 'c'].map(client => send({ person: 'ann', client }))
  await letGo(3)
  t.same(await Promise.all(again), [200, 200, 200])
})

t.test('however slowly answers in lines are read, only so many are begun, and everything else continues', async t => {
  const { server, send, letGo } = await openSlow({ most: 16, mostLarge: 4 })
  t.teardown(() => server.close())
  const lines = { accept: 'application/fhir+ndjson' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const own = ['a', 'b', 'c', 'd'].map(client => send({ person: 'ann', client, ...lines }))
  t.equal(await Promise.race(own), 429)
  t.equal(await send({ person: 'ann', ...form }, '_format=ndjson'), 429, 'nor if a form asks for them')
  const others = [send({ person: 'ann' }), send({ person: 'ben', ...lines }), send({ person: 'ann', ...form }, 'a=b')]
  await letGo(6)
  t.same((await Promise.all(own)).sort(), [200, 200, 200, 429])
  t.same(await Promise.all(others), [200, 200, 200])
  const again = ['a', 'b', 'c'].map(() => send({ person: 'ann', ...form }, '_format=ndjson'))
  await letGo(3)
  t.same(await Promise.all(again), [200, 200, 200], 'a place that was left is free')
})

t.test('a body takes memory if it is long, if its length is not told, or, compressed, if it is not short', async t => {
  const large: readonly (readonly [string, Record<string, string>, () => string | Readable])[] = [
    ['long', {}, () => 'x'.repeat(262_145)],
    ['of no length', { 'transfer-encoding': 'chunked' }, () => Readable.from(['x'])],
    ['compressed', { 'content-encoding': 'gzip' }, () => 'x'.repeat(16_385)],
  ]
  for (const [what, headers, body] of large) {
    const { server, send, letGo } = await openSlow({ most: 16, mostLarge: 2 })
    t.teardown(() => server.close())
    const own = [1, 2, 3].map(() => send({ person: 'ann', ...headers }, body()))
    t.equal(await Promise.race(own), 429, what)
    const small = [
      send({ person: 'ann' }, 'x'.repeat(262_144)),
      send({ person: 'ann', 'content-encoding': 'gzip' }, 'x'.repeat(16_384)),
    ]
    await letGo(4)
    t.same((await Promise.all(own)).sort(), [200, 200, 429], what)
    t.same(await Promise.all(small), [200, 200])
  }
})
