import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
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

t.test('whoever leaves a page before it is told anything watches nothing', async t => {
  const server = Fastify({ forceCloseConnections: true })
  server.decorateRequest('session', undefined)
  server.addHook('onRequest', async (request, { raw }) => {
    request.session = { person: 'ann' } as Session
    if (request.headers.leaves === undefined) return
    server.server.emit('asked')
    await once(raw, 'close')
  })
  streamProgress(server, '/progress', {
    read: async () => ({ done: 1, total: 1, isOver: true }),
    isSignedIn: async () => true,
  })
  t.teardown(() => server.close())
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  for (let left = 0; left < 5; left += 1) {
    const socket = connect(port, '127.0.0.1')
    const asked = once(server.server, 'asked')
    socket.write('GET /progress HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nleaves: yes\r\n\r\n')
    await asked
    socket.destroy()
  }
  while ((await new Promise<number>(resolve => server.server.getConnections((_, open) => resolve(open)))) > 0)
    await new Promise(setImmediate)
  const answer = await fetch(`http://127.0.0.1:${port}/progress`, { headers: { accept: 'text/event-stream' } })
  t.match([answer.status, await answer.text()], [200, /"isOver":true/])
})
