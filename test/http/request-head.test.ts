import { type AddressInfo, connect } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import t from 'tap'
import { openLog } from '../../src/events/log.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { openXml } from '../../src/fhir/xml/xml.ts'
import { healthRoutes } from '../../src/http/health.ts'
import { openServer } from '../../src/http/server.ts'

const server = await openServer({
  config: { maxBodyBytes: 2000, corsOrigins: '*', trustProxy: [] },
  log: openLog('silent'),
  xml: openXml(loadRegistry().structures),
})
await server.register(healthRoutes, { isReady: async () => true })
await server.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => server.close())
const { port } = server.server.address() as AddressInfo

const ask = async (head: readonly string[], { version = '1.1', body = '', path = '/healthz' } = {}) => {
  const text = [`GET ${path} HTTP/${version}`, ...head, 'connection: close', '', body].join('\r\n')
  const answer = await readText(connect(port, '127.0.0.1').end(text))
  const [status] = /(?<=^HTTP\/1\.1 )\d+/.exec(answer) ?? []
  const [diagnostics] = /(?<="diagnostics":")[^"]+/.exec(answer) ?? []
  return diagnostics === undefined ? status : [status, diagnostics]
}

t.test('a request with more than one Host is refused, even if both are the same, and wherever it goes', async t => {
  const refused = ['400', 'There is more than one Host header']
  t.same(await ask(['host: sharewell', 'host: elsewhere']), refused)
  t.same(await ask(['Host: sharewell', 'HOST: sharewell']), refused)
  t.same(await ask(['host: sharewell', 'host: elsewhere'], { path: '/nowhere' }), refused)
  t.same(await ask(['host: sharewell', 'host: elsewhere'], { version: '1.0' }), refused)
})

t.test(
  'so is one with more than one Authorization, Content-Type or If-None-Exist: another reader may take the other',
  async t => {
    const twice = (name: string, ...values: readonly string[]) => values.map(value => `${name}: ${value}`)
    t.same(await ask(['host: sharewell', ...twice('authorization', 'Bearer one', 'Bearer two')]), [
      '400',
      'There is more than one Authorization header',
    ])
    t.same(await ask(['host: sharewell', ...twice('Content-Type', 'application/json', 'text/plain')]), [
      '400',
      'There is more than one Content-Type header',
    ])
    t.same(await ask(['host: sharewell', ...twice('If-None-Exist', 'identifier=1', 'identifier=2')]), [
      '400',
      'There is more than one If-None-Exist header',
    ])
    t.equal(await ask(['host: sharewell', ...twice('accept', 'application/json', 'text/html')]), '200')
  },
)

t.test('a Host that cannot be the name of a host is refused', async t => {
  const refused = ['400', 'The Host header is not the name of a host']
  for (const host of [
    'a b',
    'a, b',
    'person@sharewell',
    'sharewell/fhir',
    'sharewell:80:80',
    'sharewell:x',
    '[::1',
    '%zz',
  ])
    t.same(await ask([`host: ${host}`]), refused, host)
})

t.test('every kind of name of a host is taken, and none where HTTP does not require it', async t => {
  for (const host of [
    'sharewell',
    'fhir.sharewell.example:8080',
    '127.0.0.1:80',
    '[::1]:8080',
    'a_b',
    'm%C3%BCnchen',
    '',
  ])
    t.equal(await ask([`host: ${host}`]), '200', host)
  t.equal(await ask([], { version: '1.0' }), '200')
})

t.test('a body in a transfer coding that nobody decodes here is refused, and one in chunks is not', async t => {
  const body = '0\r\n\r\n'
  t.equal(await ask(['host: sharewell', 'transfer-encoding: Chunked'], { body }), '200')
  t.same(await ask(['host: sharewell', 'transfer-encoding: gzip, chunked'], { body }), [
    '501',
    'The Transfer-Encoding is not taken here; send chunked or none',
  ])
})

t.test(
  'lengths that contradict each other, and anything before the colon of a header, are not well-formed',
  async t => {
    const refused = ['400', 'The request is not well-formed HTTP']
    const body = '0\r\n\r\n'
    for (const lengths of [
      ['content-length: 5', 'content-length: 5'],
      ['content-length: 5', 'content-length: 6'],
      ['content-length: 5, 5'],
      ['content-length: +5'],
      ['content-length: 5', 'transfer-encoding: chunked'],
      ['transfer-encoding: chunked', 'transfer-encoding: chunked'],
      ['transfer-encoding: chunked, identity'],
      ['transfer-encoding : chunked'],
      ['transfer-encoding:', ' chunked'],
    ])
      t.same(await ask(['host: sharewell', ...lengths], { body }), refused, lengths.join(', '))
  },
)
