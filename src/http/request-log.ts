import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * One line a request: method, path, status, duration, request id. Query strings can be health data, headers can be
 * tokens: neither is written, at any level. Nor is what opens something by standing in a path.
 */
export const logRequests = (server: FastifyInstance): void => {
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    reply.headers({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    done()
  })
  server.addHook('onResponse', (request, reply, done) => {
    const { method } = request
    const path = pathOf(request)
    const level = quietPaths.has(path) ? 'debug' : 'info'
    const { statusCode: status, elapsedTime } = reply
    request.log[level]({ method, path, status, durationMs: Math.round(elapsedTime * 10) / 10 })
    done()
  })
}

const pathOf = ({ url }: FastifyRequest): string => {
  const path = url.split('?', 1)[0] ?? ''
  const [, before] = opening.exec(octetsOf(path)) ?? []
  return before === undefined ? path : `${before}[token]`
}

const opening = /^(\/api\/v1\/invitation\/)./

/** However it is percent-encoded, and be it not well-formed. */
const octetsOf = (path: string): string =>
  path.replace(/%([0-9A-F]{2})/gi, (_, octet) => String.fromCharCode(Number.parseInt(octet, 16)))

/** Asked every few seconds by whoever watches. */
const quietPaths = new Set(['/healthz', '/readyz'])
