import type { FastifyInstance, FastifyRequest } from 'fastify'

/**
 * Whoever is refused by the head of a request goes on sending the body, and many clients read no answer before that is done: if the connection were
 * closed at once, as Fastify does, they would be told of a broken pipe instead of the reason, and try again. So Node reads what is left of a body
 * that is not far too large, and drops it. If the client itself sends `Connection: close`, Node
 * closes at once all the same. https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
export const dropUnreadBodies = (server: FastifyInstance): void => {
  const most = timesTheLimit * (server.initialConfig.bodyLimit ?? 0)
  server.addHook('onSend', async (request, reply) => {
    if (reply.getHeader('connection') === 'close' && isUnread(request, most)) reply.removeHeader('connection')
  })
}

const timesTheLimit = 8

const isUnread = ({ raw, headers }: FastifyRequest, most: number): boolean =>
  !raw.readableDidRead && Number(headers['content-length']) <= most
