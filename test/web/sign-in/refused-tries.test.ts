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

t.test('refused tries count, and what succeeds beside them neither counts nor takes any back', async t => {
  const ask = await opened()
  for (let count = 0; count < 60; count += 1) {
    t.equal(await ask(303), 303)
    t.equal(await ask(422), 422)
  }
  t.not(await ask(303), 303)
  t.equal(await ask(303, '10.97.0.2'), 303)
})

t.test('also of those who come in 300 a minute do so from one place', async t => {
  const ask = await opened()
  const statuses = []
  for (let count = 0; count < 301; count += 1) statuses.push(await ask(303))
  t.equal(statuses.lastIndexOf(303), 299)
})
