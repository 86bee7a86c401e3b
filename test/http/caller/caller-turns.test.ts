import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { fastify } from 'fastify'
import t from 'tap'
import { openCallerTurns } from '../../../src/http/caller/caller-turns.ts'
import { answerError } from '../../../src/http/errors.ts'
import { presentAnswers } from '../../../src/http/fhir/presentation.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

/** Three of each caller at a time. The header says who calls, and the test decides when each is answered. */
const openSlow = async () => {
  const server = fastify()
  const begun: { readonly person: unknown; readonly end: () => void }[] = []
  presentAnswers(server, undefined as never)
  server.setErrorHandler(answerError)
  server.decorateRequest('caller', undefined)
  server.addHook('onRequest', async request => {
    const { person } = request.headers
    request.caller = { client: { id: 'app' }, person: { id: person } } as unknown as typeof request.caller
  })
  openCallerTurns(4).limitInFlight(server)
  server.get('/pages', (request, reply) =>
    reply.type('text/plain').send(
      Readable.from(
        (async function* () {
          for (let page = 1; page <= 2; page++)
            yield await request.inTurn?.(async () => {
              await new Promise<void>(resolve => begun.push({ person: request.headers.person, end: resolve }))
              return `page ${page}\n`
            })
        })(),
        { objectMode: false },
      ),
    ),
  )
  server.get('/', request => {
    const { person } = request.headers
    return new Promise<string>(resolve => begun.push({ person, end: () => resolve('done') }))
  })
  const send = (person: string, url = '/') =>
    server.inject({ url, headers: { person } }).then(({ statusCode }) => statusCode)
  const whoIsIn = async () => {
    await pause(50)
    return begun.map(({ person }) => person)
  }
  const endFirst = () => begun.shift()?.end()
  return { server, send, whoIsIn, endFirst }
}

t.test('further requests of one caller wait for their own, and nobody else waits for them', async t => {
  const { server, send, whoIsIn, endFirst } = await openSlow()
  t.teardown(() => server.close())
  const own = Array.from({ length: 5 }, () => send('ann'))
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'])
  const other = send('ben')
  t.same(await whoIsIn(), ['ann', 'ann', 'ann', 'ben'])
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ben', 'ann'], 'the next begins when one is done')
  for (let left = 5; left > 0; left--) {
    endFirst()
    await whoIsIn()
  }
  t.same(await Promise.all([...own, other]), Array(6).fill(200))
})

t.test('an answer that is sent page by page takes a turn for each page, and has none in between', async t => {
  const { server, send, whoIsIn, endFirst } = await openSlow()
  t.teardown(() => server.close())
  const own = Array.from({ length: 5 }, () => send('ann', '/pages'))
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'], 'however many have begun to answer')
  const others = [send('ben'), send('ann')]
  t.same(await whoIsIn(), ['ann', 'ann', 'ann', 'ben'])
  for (let left = 4; left > 0; left--) endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'])
  for (let left = 12; left > 0; left--) {
    endFirst()
    await whoIsIn()
  }
  t.same(await Promise.all([...own, ...others]), Array(7).fill(200))
})

t.test('nothing is done for somebody who left while waiting, and those behind them are not held up', async t => {
  const { server, send, whoIsIn, endFirst } = await openSlow()
  t.teardown(() => server.close())
  await server.listen({ port: 0, host: '127.0.0.1' })
  const own = Array.from({ length: 3 }, () => send('ann'))
  await whoIsIn()
  const { port } = server.server.address() as AddressInfo
  const lost = connect(port, '127.0.0.1', () => lost.write('GET / HTTP/1.1\r\nhost: x\r\nperson: ann\r\n\r\n'))
  await whoIsIn()
  const last = send('ann')
  lost.destroy()
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'])
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'], 'the last of them, and not the lost one')
  for (let left = 3; left > 0; left--) endFirst()
  t.same(await Promise.all([...own, last]), Array(4).fill(200))
})

t.test('however long the searches of one caller take, others are answered meanwhile', async t => {
  const { server, database } = await fhirWorld({ POOL_SIZE: '4' })
  t.teardown(() => server.close())
  const search = (type: string, bearer: string) =>
    server
      .inject({ url: `/fhir/${type}`, headers: { authorization: `Bearer ${bearer}` } })
      .then(({ statusCode }) => statusCode)
  const slow = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE basic IN ACCESS EXCLUSIVE MODE`)
    const searches = Array.from({ length: 10 }, () => search('Basic', 'everything'))
    await pause(200)
    t.equal(await Promise.race([search('Patient', 'other'), pause(5000)]), 200)
    return searches
  })
  t.same(await Promise.all(slow), Array(10).fill(200))
})
