import fastifyWebsocket, { type WebSocket } from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { Closing } from '../subscriptions/connection.ts'
import type { Sockets } from '../subscriptions/sockets.ts'
import { bearerOf, type FindCaller, requireCaller } from './caller/caller.ts'
import { type RefusedParts, recordRefused } from './caller/refused-token.ts'

type Options = RefusedParts & {
  readonly sockets: Sockets
  readonly findCaller: FindCaller
  readonly pingEveryMs?: number
}

/**
 * Notifies subscribers by websocket. The upgrade has a bearer token like any request, or none: browsers cannot send one, and bind afterwards with a
 * token of `$get-ws-binding-token`.
 */
export const websocketRoutes = async (
  server: FastifyInstance,
  { sockets, findCaller, pingEveryMs = 30_000, ...parts }: Options,
): Promise<void> => {
  await server.register(fastifyWebsocket, { options: { maxPayload: 1024 } })
  const require = requireCaller(findCaller, undefined, recordRefused(parts, listening))
  const onRequest: typeof require = async (request, reply) => {
    if (request.headers.authorization !== undefined) await require(request, reply)
  }
  server.get('/ws', { websocket: true, onRequest }, (socket, request) => {
    const close = (reason: string, why: Closing = 'refused') => socket.close(codes[why], shortened(reason))
    const send = (text: string) => new Promise<void>(resolve => socket.send(text, () => resolve()))
    const connected = sockets.open({ send, close }, bearerOf(request))
    const pinging = setInterval(pingOf(socket), pingEveryMs)
    const fault = (error: unknown) => {
      request.log.error(error)
      socket.close(internalError)
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
  })
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
