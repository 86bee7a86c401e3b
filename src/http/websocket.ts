import fastifyWebsocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'
import type { Closing } from '../subscriptions/connection.ts'
import type { Sockets } from '../subscriptions/sockets.ts'
import { bearerOf, type FindCaller, requireCaller } from './caller/caller.ts'
import { type RefusedParts, recordRefused } from './caller/refused-token.ts'
import { toldError } from './errors.ts'
import { refuseOtherMethods } from './other-methods.ts'
import { websocketPath } from './upgrades.ts'

type Options = RefusedParts & {
  readonly sockets: Sockets
  readonly findCaller: FindCaller
  readonly pingEveryMs?: number
  /** How long a client may take to answer that its websocket is closed. One that is gone, or asleep, never does, and a stop waits for it. */
  readonly closeWithinMs?: number
}

/**
 * Notifies subscribers by websocket. The upgrade has a bearer token like any request, or none: browsers cannot send one, and bind afterwards with a
 * token of `$get-ws-binding-token`.
 */
export const websocketRoutes = async (
  server: FastifyInstance,
  { sockets, findCaller, pingEveryMs = 30_000, closeWithinMs = 2000, ...parts }: Options,
): Promise<void> => {
  // Its types do not know closeTimeout, which is half a minute otherwise.
  const options = { maxPayload: 1024, closeTimeout: closeWithinMs }
  await server.register(fastifyWebsocket, { options, errorHandler: logBroken })
  const require = requireCaller(findCaller, undefined, recordRefused(parts, listening))
  const onRequest: typeof require = async (request, reply) => {
    if (request.headers.authorization !== undefined) await require(request, reply)
  }
  const wsHandler = (socket: WebSocket, request: FastifyRequest) => {
    const close = (reason: string, why: Closing = 'refused') => socket.close(codes[why], shortened(reason))
    const send = (text: string) => new Promise<void>(resolve => socket.send(text, () => resolve()))
    const connected = sockets.open({ send, close }, bearerOf(request))
    const pinging = setInterval(pingOf(socket), pingEveryMs)
    const fault = (error: unknown) => {
      const { status, issues } = toldError(error, request)
      if (status === 500) socket.close(internalError)
      else close(issues[0].message, status === 503 ? 'later' : 'refused')
    }
    socket.on('message', (data, isBinary) => {
      if (isBinary) close('Messages are text')
      else connected.receive(String(data)).catch(fault)
    })
    socket.on('close', () => {
      clearInterval(pinging)
      connected.end()
    })
    socket.on('error', () => socket.terminate())
  }
  server.route({ method: 'GET', url: websocketPath, onRequest, handler: requireUpgrade, wsHandler })
  refuseOtherMethods(server, websocketPath, ['GET'])
}

/** https://www.rfc-editor.org/rfc/rfc9110#status.426, which demands both headers. */
const requireUpgrade = async (_request: FastifyRequest, reply: FastifyReply): Promise<never> => {
  reply.headers({ connection: 'upgrade', upgrade: 'websocket' })
  const message = 'Only a websocket is opened here; a proxy has to pass on Upgrade and Connection'
  throw new FhirError('not-supported', message, { status: 426 })
}

/** Anybody may send what is no websocket message, or disconnect: no fault of ours, which would raise an alarm. */
const logBroken = (error: Error, socket: WebSocket, { log }: FastifyRequest): void => {
  if ('code' in error && /^(WS_ERR_|ECONNRESET$|EPIPE$)/.test(String(error.code)))
    log.info({ reason: error.message }, 'A websocket was broken by its client')
  else log.error(error)
  socket.terminate()
}

/** Whichever Subscriptions it would have been bound to. */
const listening = () => ({ interaction: 'read', type: 'Subscription' })

/** Nobody reports a lost network: a client that has not answered by the next ping is gone. */
const pingOf = (socket: WebSocket) => {
  let hasAnswered = true
  socket.on('pong', () => {
    hasAnswered = true
  })
  return () => {
    if (!hasAnswered) return socket.terminate()
    hasAnswered = false
    socket.ping()
  }
}

/** "All control frames MUST have a payload length of 125 bytes or less", of which two are the code. No character is cut in half. */
const shortened = (reason: string): string =>
  reason.slice(0, new TextEncoder().encodeInto(reason, new Uint8Array(123)).read)

/** https://www.iana.org/assignments/websocket/websocket.xhtml#close-code-number */
const codes: Readonly<Record<Closing, number>> = { refused: 1008, later: 1013 }
const internalError = 1011
