import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/**
 * Whoever is refused by the head of a request goes on sending the body, and many clients read no answer before that is done: if the connection were
 * closed at once, as Fastify does, they would be told of a broken pipe instead of the reason, and try again. So Node reads what is left of a body
 * that is not far too large, and drops it. "The server SHOULD … continue to read from the connection" until the client has closed its side, or for
 * a while (https://www.rfc-editor.org/rfc/rfc9112#section-9.6): Node does not, so where the connection is to be closed, or nobody knows the length,
 * the answer waits for what is left.
 */
export const dropUnreadBodies = (server: FastifyInstance): void => {
  const most = timesTheLimit * (server.initialConfig.bodyLimit ?? 0)
  server.addHook('onSend', async (request, reply) => {
    if (reply.getHeader('connection') !== 'close') return
    const { raw, headers } = request
    const { 'content-length': length, connection = '' } = headers
    if (Number(length) > most) return
    // Fastify says so there already if it is being closed, whatever became of the request: nobody is to send another one.
    const isClosing = reply.raw.hasHeader('connection')
    const isToClose = isClosing || /\bclose\b/i.test(connection)
    const mayBeAnsweredAtOnce = length !== undefined && !raw.readableDidRead && !isToClose
    if ((mayBeAnsweredAtOnce || (await isDropped(raw, most))) && !isClosing) reply.removeHeader('connection')
  })
}

const timesTheLimit = 8

/** Reads what is left, and answers whether it was read to its end. */
const isDropped = (raw: IncomingMessage, mostBytes: number): Promise<boolean> =>
  new Promise(resolve => {
    let bytes = 0
    const end = () => {
      clearTimeout(timer)
      raw.off('data', count)
      for (const name of ends) raw.off(name, end)
      resolve(raw.complete)
    }
    const count = (piece: Buffer) => {
      bytes += piece.length
      if (bytes > mostBytes) end()
    }
    const timer = setTimeout(end, longestMs)
    if (raw.complete || raw.destroyed) return end()
    raw.on('data', count)
    for (const name of ends) raw.on(name, end)
    raw.resume()
  })

const ends = ['end', 'close', 'error'] as const

/** A client that waits for its answer before it sends the rest is not left waiting. */
const longestMs = 10_000
