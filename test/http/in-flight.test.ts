import { fastify } from 'fastify'
import t from 'tap'
import { answerError } from '../../src/http/errors.ts'
import { openBounds } from '../../src/http/in-flight.ts'

/** Four at a time; whoever calls says so, and is answered once the test lets them. */
const openSlow = async () => {
  const server = fastify()
  const waiting: (() => void)[] = []
  server.setErrorHandler(answerError)
  server.decorateRequest('caller', undefined)
  server.addHook('onRequest', async request => {
    const { person } = request.headers
    const client = { id: String(request.headers.client), policies: new Set() }
    request.caller = {
      client,
      ...(person === undefined ? {} : { person: { id: person } }),
    } as unknown as typeof request.caller
  })
  openBounds({ most: 4, mostLarge: 4 })(server)
  server.post('/', () => new Promise<string>(resolve => waiting.push(() => resolve('done'))))
  const send = (headers: Record<string, string>) =>
    server
      .inject({ method: 'POST', url: '/', headers: { 'content-type': 'text/plain', ...headers }, payload: 'x' })
      .then(({ statusCode }) => statusCode)
  const letGo = async (number: number) => {
    while (waiting.length < number) await new Promise(setImmediate)
    for (const one of waiting.splice(0)) one()
  }
  return { server, send, letGo }
}

t.test('nobody has every place, through however many apps, and others go on meanwhile', async t => {
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
  t.same(await Promise.all(again), [200, 200, 200], 'and a place that was left is free')
})

t.test('clients of their own are counted each for itself', async t => {
  const { server, send, letGo } = await openSlow()
  t.teardown(() => server.close())
  const all = ['a', 'a', 'b', 'b'].map(client => send({ client }))
  await letGo(4)
  t.same(await Promise.all(all), [200, 200, 200, 200])
})
