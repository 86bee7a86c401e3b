import type { FastifyInstance } from 'fastify'
import Negotiator from 'negotiator'

/** How a body may be compressed. https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1 */
export const codings = ['gzip', 'deflate'] as const

/**
 * "All content codings are case-insensitive", and `x-gzip` is another name of gzip. "If the problem was caused by an unsupported content coding,
 * the Accept-Encoding response header field ought to be used": https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16
 */
export const nameCodings = (server: FastifyInstance): void => {
  server.addHook('onRequest', ({ headers }, _reply, done) => {
    headers['content-encoding'] = codingNamed(headers['content-encoding'])
    if (isGzipRefused(headers['accept-encoding'])) delete headers['accept-encoding']
    done()
  })
  server.addHook('onSend', async ({ headers }, reply) => {
    const coding = headers['content-encoding']
    if (reply.statusCode === 415 && coding !== undefined && !codings.some(one => one === coding))
      reply.header('accept-encoding', codings.join(', '))
  })
}

const codingNamed = (text: string | undefined): string | undefined => {
  const name = text?.trim().toLowerCase() ?? ''
  if (name === 'x-gzip') return 'gzip'
  return name === '' || name === 'identity' ? undefined : name
}

/**
 * Answers are compressed as gzip alone, and the library that does it takes `*` for that. But it "matches any available content coding not explicitly
 * listed": https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
 */
const isGzipRefused = (accepted = '*'): boolean =>
  new Negotiator({ headers: { 'accept-encoding': accepted.replaceAll(/x-gzip/gi, 'gzip') } }).encodings(['gzip'])
    .length === 0
