import { fastify } from 'fastify'
import t from 'tap'
import { limitRefused } from '../../../src/web/sign-in/refused-tries.ts'

const opened = async () => {
  const server = fastify()
  server.get<{ Params: { status: string } }>('/:status', limitRefused(), async ({ params }, reply) =>
    reply.code(Number(params.status)).send(''),
  )
  await server.ready()
  return async (status: number, remoteAddress = '10.97.0.1') =>
    (await server.inject({ url: `/${status}`, remoteAddress })).statusCode
}

t.test('refused tries count; successful ones neither count nor take any back', async t => {
  const ask = await opened()
  for (let count = 0; count < 60; count += 1) {
    t.equal(await ask(303), 303)
    t.equal(await ask(422), 422)
  }
  t.not(await ask(303), 303)
  t.equal(await ask(303, '10.97.0.2'), 303)
})

t.test('300 different people a minute can sign in from one place', async t => {
  const ask = await opened()
  const statuses = []
  for (let count = 0; count < 301; count += 1) statuses.push(await ask(303))
  t.equal(statuses.lastIndexOf(303), 299)
})
