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
  server.get('/recorded', async (request, reply) => {
    const { person } = request.headers
    const until = (what: string) =>
      new Promise<void>(resolve => begun.push({ person: `${person} ${what}`, end: resolve }))
    await until('reads')
    const recorded = request.outOfTurn?.(() => until('records'))
    if (request.headers.early !== undefined) {
      reply.send('done')
      return reply
    }
    await recorded
    await until('ends')
    return 'done'
  })
  server.get('/', request => {
    const { person } = request.headers
    return new Promise<string>(resolve => begun.push({ person, end: () => resolve('done') }))
  })
  const send = (person: string, url = '/', headers = {}) =>
    server.inject({ url, headers: { person, ...headers } }).then(({ statusCode }) => statusCode)
  const whoIsIn = async () => {
    await pause(50)
    return begun.map(({ person }) => person)
  }
  const endFirst = () => begun.shift()?.end()
  const endOf = (person: string) => {
    const [one] = begun.filter(each => each.person === person)
    if (one === undefined) throw new Error(`${person} is not in`)
    begun.splice(begun.indexOf(one), 1)
    one.end()
  }
  const endAll = async () => {
    while ((await whoIsIn()).length > 0) endFirst()
  }
  // Whoever is not known to be quick has fewer turns.
  const first = send('ann')
  await whoIsIn()
  endFirst()
  await first
  return { server, send, whoIsIn, endFirst, endOf, endAll }
}

t.test('further requests of one caller wait for their own, and nobody else waits for them', async t => {
  const { server, send, whoIsIn, endFirst } = await openSlow()
  t.teardown(() => server.close())
  const own = Array.from({ length: 5 }, () => send('ann'))
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'])
  const other = send('ben')
  t.same(await whoIsIn(), ['ann', 'ann', 'ann', 'ben'])
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ben'], 'the last connection is for callers who have none')
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ben', 'ann'], 'the next begins when one is done')
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

t.test('a request that waits for its record has no turn, and goes on before those that have not begun', async t => {
  const { server, send, whoIsIn, endFirst, endOf } = await openSlow()
  t.teardown(() => server.close())
  const own = [send('ann', '/recorded'), send('ann'), send('ann'), send('ann'), send('ann')]
  t.same(await whoIsIn(), ['ann reads', 'ann', 'ann'])
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ann', 'ann records'], 'the fourth has its turn')
  endOf('ann records')
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'], 'it has none itself')
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ann ends'], 'the fifth has not begun')
  for (let left = 4; left > 0; left--) {
    endFirst()
    await whoIsIn()
  }
  t.same(await Promise.all(own), Array(5).fill(200))
})

t.test('three times as many as work wait for their records: more would only fill the memory', async t => {
  const { server, send, whoIsIn, endOf, endAll } = await openSlow()
  t.teardown(() => server.close())
  const own = Array.from({ length: 14 }, () => send('ann', '/recorded'))
  for (let reading = 9; reading > 0; reading--) {
    await whoIsIn()
    endOf('ann reads')
  }
  const waiting = Array<string>(9).fill('ann records')
  t.same((await whoIsIn()).toSorted(), ['ann reads', 'ann reads', 'ann reads', ...waiting].toSorted())
  endOf('ann reads')
  t.same(
    (await whoIsIn()).toSorted(),
    ['ann reads', 'ann reads', ...waiting, 'ann records'].toSorted(),
    'it keeps its turn',
  )
  await endAll()
  t.same(await Promise.all(own), Array(14).fill(200))
})

t.test('what is recorded after the answer keeps no turn', async t => {
  const { server, send, whoIsIn, endFirst } = await openSlow()
  t.teardown(() => server.close())
  for (let times = 3; times > 0; times--) {
    const early = send('ann', '/recorded', { early: 'yes' })
    t.same(await whoIsIn(), ['ann reads'])
    endFirst()
    t.equal(await early, 200)
    t.same(await whoIsIn(), ['ann records'])
    endFirst()
  }
  const own = Array.from({ length: 3 }, () => send('ann'))
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'])
  for (let left = 3; left > 0; left--) endFirst()
  t.same(await Promise.all(own), Array(3).fill(200))
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

t.test('no further page is read for somebody who left while waiting for a turn', async t => {
  const { server, send, whoIsIn, endFirst } = await openSlow()
  t.teardown(() => server.close())
  await server.listen({ port: 0, host: '127.0.0.1' })
  const { port } = server.server.address() as AddressInfo
  const lost = connect(port, '127.0.0.1', () => lost.write('GET /pages HTTP/1.1\r\nhost: x\r\nperson: ann\r\n\r\n'))
  t.same(await whoIsIn(), ['ann'], 'its first page')
  const own = Array.from({ length: 3 }, () => send('ann'))
  await whoIsIn()
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann', 'ann'], 'the others, for one of which its second page waits')
  lost.destroy()
  await whoIsIn()
  endFirst()
  t.same(await whoIsIn(), ['ann', 'ann'])
  for (let left = 2; left > 0; left--) endFirst()
  t.same(await Promise.all(own), Array(3).fill(200))
})

t.test('a request that has lasted long is remembered as long, however soon its record is answered', async t => {
  const { server, send, whoIsIn, endOf, endAll } = await openSlow()
  t.teardown(() => server.close())
  const first = send('ben', '/recorded')
  await pause(1200)
  const steps = ['ben reads', 'ben records', 'ben ends'] as const
  for (const step of steps) {
    t.same(await whoIsIn(), [step])
    endOf(step)
  }
  t.equal(await first, 200)
  const next = Array.from({ length: 3 }, () => send('ben', '/recorded'))
  t.same(await whoIsIn(), ['ben reads'], 'one at a time')
  await endAll()
  t.same(await Promise.all(next), [200, 200, 200])
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

t.test('while a request waits for its record, others of the same caller are answered', async t => {
  const { server, database } = await fhirWorld({ POOL_SIZE: '1' })
  t.teardown(() => server.close())
  const ask = (path: string) =>
    server
      .inject({ url: `/fhir/${path}`, headers: { authorization: 'Bearer everything' } })
      .then(({ statusCode }) => statusCode)
  t.equal(await ask('Patient'), 200)
  const searches = await database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE audit_record IN EXCLUSIVE MODE`)
    const search = ask('Patient')
    await pause(200)
    // An answer that is not recorded, since it is about nobody.
    const looked = ask('ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/name-use')
    t.equal(await Promise.race([looked, pause(5000)]), 200)
    t.equal(await Promise.race([search, pause(200)]), undefined, 'nothing is answered without its record')
    return [search]
  })
  t.same(await Promise.all(searches), [200])
})
