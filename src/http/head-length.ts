import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/**
 * "A server MUST NOT send Content-Length in such a response unless its field value equals the decimal number of octets" that GET would have sent. What
 * would be compressed, or is answered 304, has another length than is known here. https://www.rfc-editor.org/rfc/rfc9110#section-8.6
 */
export const leaveOutUnknownLengths = (server: FastifyInstance, compressed: RegExp): void => {
  const leaveOut = async ({ headers }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const mayBeCompressed = /gzip|\*/i.test(headers['accept-encoding'] ?? '')
    const isOther = mayBeCompressed && compressed.test(String(reply.getHeader('content-type') ?? ''))
    if (isOther || reply.statusCode === 304) reply.removeHeader('content-length')
  }
  // Fastify sets the length in the last hook of the route itself.
  server.addHook('onRoute', route => {
    if (route.method === 'HEAD') route.onSend = [...[route.onSend ?? []].flat(), leaveOut]
  })
}
