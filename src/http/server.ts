import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import fastifyCompress from '@fastify/compress'
import fastifyCors, { type FastifyCorsOptions, type FastifyCorsOptionsDelegatePromise } from '@fastify/cors'
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify'
import type { Config } from '../config.ts'
import type { Metrics } from '../events/metrics.ts'
import { FhirError } from '../fhir/error.ts'
import type { Xml } from '../fhir/xml/xml.ts'
import { layBodiesTogether } from './body-pieces.ts'
import { codings, nameCodings } from './content-coding.ts'
import { countRequests } from './counted-requests.ts'
import { answerError, outcomeText } from './errors.ts'
import { presentAnswers } from './fhir/presentation.ts'
import { leaveOutUnknownLengths } from './head-length.ts'
import { beginInTurn } from './pipelines.ts'
import { refuseAmbiguousHeads } from './request-head.ts'
import { callersIdIn, logRequests, logUnrouted } from './request-log.ts'
import { tellMethods } from './told-methods.ts'
import { dropUnreadBodies } from './unread-bodies.ts'
import { isUpgraded } from './upgrades.ts'

type Options = {
  readonly config: Pick<Config, 'maxBodyBytes' | 'corsOrigins' | 'trustProxy'>
  readonly log: FastifyBaseLogger
  readonly xml: Xml
  readonly metrics?: Metrics | undefined
  /** Answers a browser at an address where there is nothing, or cannot be anything. */
  readonly answerNoPage?: AnswerError
}

type AnswerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** The HTTP server without any route: request ids, logging, compression in both directions, CORS, and errors in FHIR's form. */
export const openServer = async ({ config, log, xml, metrics, answerNoPage }: Options): Promise<FastifyInstance> => {
  const answerNothing: AnswerError = (error, request, reply) =>
    (answerNoPage !== undefined && isForPeople(request) ? answerNoPage : answerError)(error, request, reply)
  const server = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: () => randomUUID(),
    childLoggerFactory: (logger, ids, options, { headers }) =>
      logger.child({ ...ids, ...callersIdIn(headers) }, options),
    bodyLimit: config.maxBodyBytes,
    trustProxy: config.trustProxy.length > 0 && [...config.trustProxy],
    requestTimeout: 120_000,
    // For a connection on which nothing moves: a client that does not read its answer would otherwise keep it for ever, with everything that it
    // takes.
    connectionTimeout: 300_000,
    // What is stopped together with the server may take as long as whoever stops it is willing to wait.
    pluginTimeout: 0,
    // Longer than the idle time of common proxies, which would otherwise send into a connection that is just being closed.
    keepAliveTimeout: 75_000,
    // What is under way when the server stops is still answered in full.
    return503OnClosing: false,
    http: { maxHeaderSize: mostHeaderBytes, shouldUpgradeCallback: isUpgraded },
    rewriteUrl: originForm,
    routerOptions: { maxParamLength: 1000 },
    frameworkErrors: (error, request, reply) => {
      logUnrouted(request, reply)
      return answerNothing(error, request, reply)
    },
    clientErrorHandler: answerMalformed,
  })
  tellMethods(server)
  beginInTurn(server)
  layBodiesTogether(server)
  dropUnreadBodies(server)
  nameCodings(server)
  logRequests(server)
  if (metrics !== undefined) countRequests(server, metrics)
  presentAnswers(server, xml)
  refuseAmbiguousHeads(server)
  server.setErrorHandler(answerError)
  server.setNotFoundHandler((request, reply) => {
    const nothing = new FhirError('not-found', `Nothing is at ${pathOf(request)}; the FHIR API is below /fhir`)
    return answerNothing(nothing, request, reply)
  })
  await server.register(fastifyCors, () => corsFor(config.corsOrigins))
  await server.register(fastifyCompress, {
    encodings: ['gzip'],
    requestEncodings: [...codings],
    customTypes: compressed,
    // Half of gzip's usual work, for nearly the same size.
    zlibOptions: { level: 4 },
  })
  leaveOutUnknownLengths(server, compressed)
  return server
}

const compressed = /^text\/|\+?(?:json|xml|ndjson)\b|javascript|svg/

/** "a server MUST accept the absolute-form in requests": https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
const originForm = ({ url = '' }: Pick<IncomingMessage, 'url'>): string => {
  const rest = /^https?:\/\/[^/?#]*(.*)/is.exec(url)?.[1]
  if (rest === undefined) return url
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** A browser goes there because somebody has typed something, or followed a link. What programs use is elsewhere. */
const isForPeople = (request: FastifyRequest): boolean =>
  request.method === 'GET' && /\btext\/html\b/.test(request.headers.accept ?? '') && !programPath.test(pathOf(request))

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? ''

const programPath = /^\/(fhir|oauth|omh|api|\.well-known)(\/|$)/i

/** The authorization server itself checks the origins that each client has registered. Everybody may read what apps use to discover it. */
const corsFor = (origins: Config['corsOrigins']): FastifyCorsOptionsDelegatePromise => {
  const cors: FastifyCorsOptions = {
    origin: origins === '*' ? '*' : [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [...told],
    maxAge: 600,
    strictPreflight: false,
  }
  return async ({ url }) => {
    if (/^\/oauth(?=[/?]|$)/.test(url)) return { ...cors, origin: false }
    return publicPath.test(url) ? { ...cors, origin: '*' } : cors
  }
}

const told = [
  'ETag',
  'Link',
  'Location',
  'Content-Location',
  'Last-Modified',
  'Expires',
  'Retry-After',
  'X-Progress',
  'X-Request-Id',
  'X-Correlation-Id',
  'WWW-Authenticate',
]

const publicPath =
  /^(\/fhir(?:\/r5)?|\/FHIR\/R5)?\/(metadata|\.well-known\/(smart-configuration|(oauth-authorization-server|openid-configuration)(\/oauth)?))\/?(\?|$)/

/** Searches by GET can be long. */
export const mostHeaderBytes = 65_536

/** For what is not HTTP at all, or has far too large headers: there is no request yet, only a socket. */
const answerMalformed = (error: Error & { readonly code?: string }, socket: Socket): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const { status, outcome } = malformed[error.code ?? ''] ?? notHttp
  const body = outcomeText(outcome)
  const head = ['content-type: application/fhir+json; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`]
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\nconnection: close\r\n\r\n${body}`)
}

type Malformed = { readonly status: string; readonly outcome: FhirError }

const notHttp: Malformed = {
  status: '400 Bad Request',
  outcome: new FhirError('structure', 'The request is not well-formed HTTP'),
}

const malformed: Readonly<Record<string, Malformed>> = {
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    outcome: new FhirError(
      'too-long',
      `The URL and the headers have more than ${mostHeaderBytes} bytes together: send a longer search by POST`,
    ),
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    outcome: new FhirError('timeout', 'The request did not arrive in time'),
  },
}
