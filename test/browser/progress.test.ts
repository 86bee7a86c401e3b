import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
import { html } from '../../src/web/page/html.ts'
import { pageText } from '../../src/web/page/page.ts'
import { progressBar } from '../../src/web/page/progress.ts'
import { staticFiles } from '../../src/web/static-files.ts'
import { openChromium, whyNoChromium } from './chromium.ts'

t.test(
  'a page whose stream is refused reloads itself, and stays if it cannot be reloaded',
  { skip: whyNoChromium() },
  async t => {
    const server = Fastify()
    await server.register(staticFiles)
    const statuses = [200, 429, 503]
    const answered: number[] = []
    server.get('/import', async (_request, reply) => {
      const status = statuses.shift() ?? 200
      answered.push(status)
      const isOver = answered.length > 3
      const bar = progressBar({ done: 1, total: 2, isOver }, { label: 'Done', stream: '/import/progress' })
      const content = isOver ? html`<p>It is over</p>` : bar
      return reply
        .code(status)
        .type('text/html')
        .send(pageText({ title: 'An import', content }))
    })
    server.get('/import/progress', async (_request, reply) => reply.code(429).send())
    await server.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => server.close())
    const { page } = await (await openChromium(t))()
    await page.clock.install()
    await page.goto(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}/import`)
    const words = () => page.textContent('main')
    t.match(await words(), /1 of 2/)
    t.equal(await page.getByRole('progressbar', { name: 'Done' }).count(), 1)
    t.equal(await page.locator('[role=status], [aria-live]').count(), 0, 'what changes all the time is not read out')
    for (let seconds = 0; seconds < 120 && answered.length < 3; seconds += 1) await page.clock.runFor(1000)
    t.strictSame(answered, [200, 429, 503])
    t.match(await words(), /1 of 2/, 'it shows no error instead')
    for (let seconds = 0; seconds < 120 && answered.length < 5; seconds += 1) await page.clock.runFor(1000)
    await page.getByText('It is over').waitFor()
  },
)

t.test('what goes on before the first is done gives way to how many are', { skip: whyNoChromium() }, async t => {
  const server = Fastify()
  await server.register(staticFiles)
  const first = 'none yet, while it is checked once more'
  const stream = '/import/progress'
  let progress: object = { done: 0, total: 2, isOver: false, first }
  server.get('/import', async (_request, reply) => {
    const content = progressBar({ done: 0, total: 2, isOver: false }, { label: 'Done', stream })
    return reply.type('text/html').send(pageText({ title: 'An import', content }))
  })
  server.get(stream, async (_request, reply) => {
    const told = `data: ${JSON.stringify(progress)}\n\n`
    return reply.type('text/event-stream').send(`retry: 10\n${told}`)
  })
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const { page } = await (await openChromium(t))()
  await page.goto(`http://127.0.0.1:${(server.server.address() as AddressInfo).port}/import`)
  await page.getByText(`Done: ${first}.`).waitFor()
  progress = { done: 1, total: 2, isOver: false }
  await page.getByText('Done: 1 of 2.').waitFor()
  t.equal(await page.getByRole('progressbar', { name: 'Done' }).evaluate(bar => (bar as HTMLProgressElement).value), 1)
})
