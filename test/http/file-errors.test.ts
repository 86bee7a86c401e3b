import { request as sendRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
await server.listen({ port: 0, host: '127.0.0.1' })
const { port } = server.server.address() as AddressInfo

/** With the path as it is, which fetch and injected requests would normalize. */
const ask = async (path: string, headers: Readonly<Record<string, string>>, method = 'GET') => {
  const { promise, resolve, reject } = Promise.withResolvers<{ status?: number; type?: string; range?: string }>()
  sendRequest({ host: '127.0.0.1', port, path, method, headers, agent: false }, response => {
    response.resume()
    const { 'content-type': type, 'content-range': range } = response.headers
    resolve({
      ...(response.statusCode && { status: response.statusCode }),
      ...(type && { type }),
      ...(range && { range }),
    })
  })
    .on('error', reject)
    .end()
  return promise
}

const html = 'text/html; charset=utf-8'
const outcome = 'application/fhir+json; charset=utf-8'

t.test('a path to a folder, or out of it, leads nowhere', async t => {
  for (const path of [
    '/static/',
    '/static//',
    '/static/..',
    '/static/../..',
    '/static/%2e%2e/',
    '/static/./icon.svg',
    '/static/%5c..%5c',
    '/static/%00',
    '/static/icon.svg%00',
    '/static/icon.svg/',
    '/static/icon.svg.',
    '/static/.env',
    `/static/${'a'.repeat(800)}`,
    '/static/bootstrap/',
    '/static/bootstrap/..',
    '/static/uplot/',
    '/static/uplot/%2e%2e/',
    '/docs/static//',
    '/docs/static/..',
    '/docs/static/%00',
  ]) {
    t.same(await ask(path, { accept: 'text/html' }), { status: 404, type: html }, path)
    t.same(await ask(path, { accept: 'application/json' }), { status: 404, type: outcome }, path)
    t.same(await ask(path, {}, 'HEAD'), { status: 404, type: outcome }, `HEAD ${path}`)
  }
})

t.test('requests that a file cannot answer are refused as HTTP defines', async t => {
  const { payload } = await server.inject('/static/icon.svg')
  for (const path of ['/static/icon.svg', '/favicon.ico']) {
    for (const range of ['bytes=999999-', 'bytes=5-2'])
      t.same(await ask(path, { range }), { status: 416, type: html, range: `bytes */${payload.length}` }, range)
    t.same(await ask(path, { 'if-match': '"another"' }), { status: 412, type: html })
    t.same(await ask(path, { 'if-unmodified-since': 'Thu, 01 Jan 1970 00:00:00 GMT' }), { status: 412, type: html })
    t.same(await ask(path, { range: 'bytes=0-4' }), {
      status: 206,
      type: 'image/svg+xml',
      range: `bytes 0-4/${payload.length}`,
    })
    t.same(await ask(path, { 'if-none-match': '*' }), { status: 304 })
    t.same(await ask(path, { 'if-modified-since': 'no date', range: 'no range' }), {
      status: 200,
      type: 'image/svg+xml',
    })
  }
  t.match(await ask('/docs/static/index.css', { range: 'bytes=999999-' }), { status: 416, type: outcome })
  t.match(await ask('/static/bootstrap/bootstrap.min.css', { 'if-match': '"another"' }), { status: 412, type: html })
})
