import Fastify from 'fastify'
import t from 'tap'
import type { Session } from '../../../src/storage/account/session.ts'
import { streamProgress } from '../../../src/web/page/progress.ts'

t.test('a person can watch the progress on five pages at once, and on no more', async t => {
  const server = Fastify()
  server.decorateRequest('session', undefined)
  server.addHook('onRequest', async request => {
    request.session = { person: String(request.headers.person) } as Session
  })
  let isOver = false
  let begun = 0
  streamProgress(server, '/progress', {
    read: async () => {
      begun += 1
      return { done: 0, total: 1, isOver }
    },
    isSignedIn: async () => true,
  })
  t.teardown(() => server.close())
  const open = (person: string) => server.inject({ url: '/progress', headers: { person, accept: 'text/event-stream' } })
  const streams = Array.from({ length: 5 }, () => open('ann'))
  while (begun < 5) await new Promise(setImmediate)
  t.equal((await open('ann')).statusCode, 429)
  isOver = true
  t.equal((await open('bob')).statusCode, 200)
  t.strictSame(
    (await Promise.all(streams)).map(({ statusCode }) => statusCode),
    [200, 200, 200, 200, 200],
  )
  t.equal((await open('ann')).statusCode, 200, 'once others are closed')
})
