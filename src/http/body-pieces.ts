import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { largePieces } from '../messages/large-pieces.ts'
import { brokenOff } from './errors.ts'

/**
 * A body that is sent byte by byte takes no more memory than one that is sent whole. Nothing is read before it is needed; and nothing of a client
 * that has left by then, since whoever begins to read only now is told of no end, and the request would never be over.
 */
export const layBodiesTogether = (server: FastifyInstance): void => {
  server.addHook('preParsing', (request, _reply, payload, done) => {
    if (request.raw.destroyed) return done(brokenOff)
    const isAsItComes = isShort(request) || isReadElsewhere(request)
    done(null, isAsItComes ? payload : Readable.from(largePieces(payload), { objectMode: false }))
  })
}

const isShort = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) <= mostShortBytes

/** Forms with files are read from the request itself. */
const isReadElsewhere = ({ headers }: FastifyRequest): boolean =>
  /^multipart\/form-data\b/i.test(headers['content-type'] ?? '')

const mostShortBytes = 4096
