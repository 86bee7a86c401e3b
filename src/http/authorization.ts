import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AuthorizationServer } from '../auth/authorization-server.ts'
import { errorDescription } from '../auth/provider/error-description.ts'
import { style, stylePath } from '../auth/request/granted-context.ts'
import { FhirError } from '../fhir/error.ts'
import { sayWhen, toldError } from './errors.ts'
import { textIn } from './fhir/fhir-body.ts'
import { limitRequests } from './oauth-limits.ts'
import { keepRequest } from './within-request.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The pages use it too, when an app asks a person for something. */
    authorization: AuthorizationServer
  }
}

export type AuthorizationRouteOptions = {
  /** How an error is shown in a browser. */
  readonly answerPage: (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply
}

/** Below `/oauth`. The library answers by itself, but what Fastify does for every answer is done for its answers too. */
export const authorizationRoutes = async (
  server: FastifyInstance,
  { answerPage }: AuthorizationRouteOptions,
): Promise<void> => {
  server.get(stylePath, async (_request, reply) =>
    reply.header('cache-control', 'public, max-age=31536000, immutable').type('application/json').send(style),
  )
  await server.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: mostBodyBytes },
      async (request: FastifyRequest, body: Buffer) => {
        // The library would read other letters than were sent, and keep them as the name of an app.
        textIn(request, body)
        return body
      },
    )
    scope.setErrorHandler((error, request, reply) =>
      isForPerson(request) ? answerPage(error, request, reply) : answerOAuthError(error, request, reply),
    )
    await limitRequests(scope, pathOf)
    keepRequest(scope)
    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      const methods = methodsAt(pathOf(request))
      if (methods === undefined) throw nothingAt(request)
      if (!methods.includes(request.method)) throw otherMethod(reply, request.method, methods)
      if (asksForMethods(request)) return reply.header('allow', methods.join(', ')).code(204).send()
      requireReadable(request)
      return handOver(request, reply)
    }
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)
      for (const url of [mount, `${mount}/*`, ...metadataPaths.flatMap(path => [path, `${path}${mount}`])])
        scope.route({ method, url, handler })
  })
}

const mount = '/oauth'

/** Below the issuer, or inserted "between the host component and the path component": https://www.rfc-editor.org/rfc/rfc8414#section-5 */
const metadataPaths = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'] as const

/** Below the issuer; empty for what is said of another. */
const pathOf = ({ url }: FastifyRequest): string => {
  const [path = ''] = url.split('?', 1)
  const inserted = metadataPaths.find(one => path === `${one}${mount}`)
  return `${inserted ?? (path.startsWith(mount) ? path.slice(mount.length) : '')}${url.slice(path.length)}`
}

/** A browser comes with these alone, and the others are a mistake of whoever makes an app. */
const isForPerson = (request: FastifyRequest): boolean =>
  pathOf(request).startsWith('/authorize') && ['GET', 'HEAD', 'POST'].includes(request.method)

const handOver = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  reply.hijack()
  const { raw } = reply
  for (const [name, value = ''] of Object.entries(reply.getHeaders())) raw.setHeader(name, value)
  await answer(request, raw).catch(error => sendFault(request, raw, error))
}

const answer = async (request: FastifyRequest, response: ServerResponse): Promise<void> => {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  await request.server.authorization.handle(request.raw, response, { path: pathOf(request), body })
}

/** For what never reached the authorization server, in OAuth's words. */
const answerOAuthError = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const told = toldError(isNoMediaType(error) ? mediaTypeNeeded(request) : isTooLong(error) ? tooLong : error, request)
  return sayWhen(reply, told).code(told.status).send(toOAuth(told))
}

const isNoMediaType = (error: unknown): boolean => hasCode(error, 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
const isTooLong = (error: unknown): boolean => hasCode(error, 'FST_ERR_CTP_BODY_TOO_LARGE')

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const mediaTypeNeeded = (request: FastifyRequest): FhirError =>
  new FhirError(
    'not-supported',
    `Content-Type names no media type: it must be ${pathOf(request).startsWith('/register') ? 'application/json' : formType}`,
    { status: 415 },
  )

const formType = 'application/x-www-form-urlencoded'

const toOAuth = ({ status, message }: FhirError): object => {
  const code = status === 429 || status === 503 ? 'temporarily_unavailable' : 'invalid_request'
  return { error: status === 500 ? 'server_error' : code, error_description: errorDescription(message) }
}

const sendFault = (request: FastifyRequest, response: ServerResponse, error: unknown): void => {
  const told = toldError(error, request)
  const again = told.status === 503 ? { 'retry-after': '2' } : {}
  if (!response.headersSent) response.writeHead(told.status, { 'content-type': 'application/json', ...again })
  response.end(JSON.stringify(toOAuth(told)))
}

/** By OPTIONS, and not as a browser does, which the library answers: https://fetch.spec.whatwg.org/#cors-preflight-request */
const asksForMethods = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' && (headers.origin === undefined || headers['access-control-request-method'] === undefined)

const requireReadable = (request: FastifyRequest): void => {
  if (hasNul(request)) throw new FhirError('invalid', 'A parameter may not contain the character U+0000')
  if (isUnnamedForm(request)) throw new FhirError('invalid', formNeeded)
}

/** The database cannot store it, and the library would report a fault of ours. */
const hasNul = ({ url, body }: FastifyRequest): boolean =>
  url.includes('%00') || (Buffer.isBuffer(body) && (body.includes(0) || body.includes('%00')))

/**
 * The library takes it for a request without parameters, and would ask for those that were sent. Introspection by a bearer token, which is our own, reads it.
 */
const isUnnamedForm = (request: FastifyRequest): boolean =>
  request.headers['content-type'] === undefined &&
  /^\/token\b/.test(pathOf(request)) &&
  Buffer.isBuffer(request.body) &&
  request.body.length > 0 &&
  !/^Bearer /i.test(request.headers.authorization ?? '')

const formNeeded = `Content-Type is missing: it must be ${formType}`

/** Enough for long lists of scopes. */
const mostBodyBytes = 56 * 1024
const tooLong = new FhirError('too-long', `The body has more than ${mostBodyBytes} bytes: ask for less at once`)

/** The library ignores the case of paths; here each path has one spelling. */
const served: readonly (readonly [path: RegExp, methods: readonly string[]])[] = [
  [/^\/authorize(\/[\w-]+)?$/, ['GET', 'POST']],
  [/^\/token(\/(introspection|revocation))?$/, ['POST', 'OPTIONS']],
  [/^\/(jwks\.json|\.well-known\/(openid-configuration|oauth-authorization-server))$/, ['GET', 'HEAD', 'OPTIONS']],
  [/^\/register$/, ['POST']],
  [/^\/register\/[\w-]+$/, ['GET', 'HEAD']],
]

const methodsAt = (path: string): readonly string[] | undefined =>
  served.find(([pattern]) => pattern.test(path.split('?', 1)[0] ?? ''))?.[1]

/** "The issuer value returned MUST be identical": no client takes at the root what is said of an issuer with a path. */
const nothingAt = ({ url }: FastifyRequest): FhirError => {
  const path = url.split('?', 1)[0] ?? ''
  const why = metadataPaths.some(one => one === path) ? `, since the issuer is ${mount} here and not the root` : ''
  return new FhirError(
    'not-found',
    `Nothing is at ${path}${why}; the endpoints are named at ${mount}/.well-known/openid-configuration`,
  )
}

const otherMethod = (reply: FastifyReply, method: string, methods: readonly string[]): FhirError => {
  reply.header('allow', methods.join(', '))
  return new FhirError('not-supported', `${method} is not answered here; accepted: ${methods.join(', ')}`, {
    status: 405,
  })
}
