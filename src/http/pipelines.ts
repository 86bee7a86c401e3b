import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * What a client sends on a connection without awaiting answers is begun when it is its turn to be answered
 * (https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2). Begun at once, thousands of short requests would leave nobody else any time; and of
 * an answer whose turn never comes, since the client has gone, nothing tells that it is over.
 */
export const beginInTurn = (server: FastifyInstance): void => {
  const lines = new WeakMap<Socket, (() => void)[]>()
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    const waiting = lines.get(socket)
    if (waiting === undefined) {
      lines.set(socket, [])
      return done()
    }
    if (waiting.length < mostWaiting && !socket.destroyed) {
      waiting.push(done)
      return
    }
    reply.hijack()
    socket.destroy()
  })
  server.addHook('onResponse', ({ raw: { socket } }, _reply, done) => {
    const next = socket.destroyed ? undefined : lines.get(socket)?.shift()
    if (next === undefined) lines.delete(socket)
    else next()
    done()
  })
}

/** Clients that send on have to reckon with a connection that is closed. */
const mostWaiting = 32
