import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

/**
 * If a client pipelines requests, that is, sends them on one connection without awaiting answers, they are begun one after another
 * (https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2). If they were begun together, thousands of short ones would leave no time for other clients;
 * and if the client has gone, an answer that waits behind another one never reports that it has ended.
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

/** A client that goes on sending has to expect that the connection is closed. */
const mostWaiting = 32
