import fastifyWebsocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { Sockets } from '../subscriptions/sockets.ts'
import { bearerOf, type FindCaller, requireCaller } from './caller.ts'
import { type RefusedParts, recordRefused } from './refused-token.ts'

type Options = RefusedParts & { readonly sockets: Sockets; readonly findCaller: FindCaller }

/**
 * Where subscribers are told by websocket. The upgrade has a bearer token as any request, or none: browsers cannot send one,
 * and bind with a token of `$get-ws-binding-token` afterwards.
 */
export const websocketRoutes = async (
  server: FastifyInstance,
  { sockets, findCaller, ...parts }: Options,
): Promise<void> => {
  await server.register(fastifyWebsocket, { options: { maxPayload: 1024 } })
  const require = requireCaller(findCaller, undefined, recordRefused(parts, listening))
  const onRequest: typeof require = async (request, reply) => {
    if (request.headers.authorization !== undefined) await require(request, reply)
  }
  server.get('/ws', { websocket: true, onRequest }, (socket, request) => {
    const close = (reason: string) => socket.close(policyViolation, reason)
    const connected = sockets.open({ send: text => socket.send(text), close }, bearerOf(request))
    const fault = (error: unknown) => {
      request.log.error(error)
      socket.close(internalError)
    }
    socket.on('message', (data, isBinary) => {
      if (isBinary) close('Messages are text')
      else connected.receive(String(data)).catch(fault)
    })
    socket.on('close', connected.end)
    socket.on('error', () => socket.terminate())
  })
}

/** Whatever Subscriptions it would have been bound to. */
const listening = () => ({ interaction: 'read', type: 'Subscription' })

/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1 */
const policyViolation = 1008
const internalError = 1011
