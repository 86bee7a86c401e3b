import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isUpgraded } from './upgrades.ts'

/**
 * One line for each request: method, path, status, duration, request id. Query strings can be health data and headers can be tokens, so neither is
 * written, at any level. Nor are parts of a path that work as secrets. If the caller sends a request id, the answer has that one. A request that breaks
 * off has no status.
 */
export const logRequests = (server: FastifyInstance): void => {
  const answered = new WeakSet<FastifyRequest>()
  server.addHook('onRequest', (request, reply, done) => {
    nameAnswer(request, reply)
    // There is no `onResponse` for a client that leaves first. A websocket has no answer.
    reply.raw.once('close', () => {
      if (!answered.has(request) && !isUpgraded(request.raw)) logLeft(request, reply)
    })
    done()
  })
  server.addHook('onResponse', (request, reply, done) => {
    answered.add(request)
    logAnswer(request, reply, { durationMs: durationOf(reply) })
    done()
  })
}

/** The same if no route can be looked up, so that no hook runs. */
export const logUnrouted = (request: FastifyRequest, reply: FastifyReply): void => {
  nameAnswer(request, reply)
  reply.raw.once('finish', () => logAnswer(request, reply))
}

const nameAnswer = (request: FastifyRequest, reply: FastifyReply): void => {
  const { callersRequestId } = callersIdIn(request.headers)
  reply.header('x-request-id', callersRequestId ?? request.id)
  const given = request.headers['x-request-id']
  if (callersRequestId === undefined && isShown(given)) reply.header('x-correlation-id', given)
  reply.headers({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
}

const logAnswer = (request: FastifyRequest, { statusCode: status }: FastifyReply, more: object = {}): void => {
  const path = pathOf(request)
  const isQuiet = quietPaths.has(path) && (status < 400 || status === 503)
  request.log[isQuiet ? 'debug' : 'info']({ method: request.method, path, status, ...more })
}

/** How long it waited tells an operator whether it, or a proxy, gives up too early. */
const logLeft = (request: FastifyRequest, reply: FastifyReply): void => {
  const when = request.raw.complete ? 'before it had its whole answer' : 'while it sent this'
  const told = { method: request.method, path: pathOf(request), durationMs: durationOf(reply) }
  request.log.info(told, `The client disconnected ${when}`)
}

const durationOf = ({ elapsedTime }: FastifyReply): number => Math.round(elapsedTime * 10) / 10

/**
 * The log has it beside our own id, so that both logs can be compared. The record of who did what does not use it: a caller could write there what
 * patients are shown, or let many requests look like one.
 */
export const callersIdIn = (headers: IncomingHttpHeaders): { readonly callersRequestId?: string } => {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? { callersRequestId: given } : {}
}

/** "When the server assigned id is different to the client assigned id, the server SHOULD also return the X-Correlation-Id header with the client's original id in it." */
const isShown = (id: IncomingHttpHeaders[string]): id is string => typeof id === 'string' && /^[!-~]{1,256}$/.test(id)

const pathOf = ({ url }: FastifyRequest): string => {
  const path = url.split('?', 1)[0] ?? ''
  const [, before] = opening.exec(octetsOf(path)) ?? []
  return before === undefined ? path : `${before}[token]`
}

/** Even if it leads nowhere, as with a slash too many after the address of the server: the token goes on working. */
const opening = /^(.*?\/(?:api\/+v1\/+invitation|sso\/+arrivals|launched)\/+)./is

/** Decoded, however it is percent-encoded, and even if it is not well-formed. */
const octetsOf = (path: string): string =>
  path.replace(/%([0-9A-F]{2})/gi, (_, octet) => String.fromCharCode(Number.parseInt(octet, 16)))

/** Monitoring asks for these every few seconds. One that asks with a wrong token should be found in the log. */
const quietPaths = new Set(['/healthz', '/readyz', '/metrics'])
