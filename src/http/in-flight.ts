import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'

type WorkBounds = {
  readonly most: number
  /** Of those, with a body that takes memory. */
  readonly mostLarge: number
}

/** For the routes of a server. */
export type Bounds = (server: FastifyInstance) => void

/**
 * Of one process: no more is begun than can be worked on. What is beyond that is refused before anything of it is read, and the
 * client comes again. How busy the event loop is would tell so only when it is late, and nothing of what waits for the database.
 */
export const openBounds = ({ most, mostLarge }: WorkBounds): Bounds => {
  const underWay = new Map<FastifyRequest, 'large' | 'small'>()
  let large = 0
  return server => {
    server.addHook('onRequest', async request => {
      const size = sizeOf(request)
      if (underWay.size >= most || (size === 'large' && large >= mostLarge)) throw busy()
      underWay.set(request, size)
      if (size === 'large') large++
    })
    // Comes also where the client has gone.
    server.addHook('onResponse', async request => {
      if (underWay.get(request) === 'large') large--
      underWay.delete(request)
    })
  }
}

const busy = () => new FhirError('throttled', 'This server has as much to do as it can: send it again in a moment')

/** Before it is read, only by what it says: a text of JSON is some ten times its compressed size. */
const sizeOf = ({ headers }: FastifyRequest): 'large' | 'small' => {
  const length = headers['content-length']
  if (length === undefined) return headers['transfer-encoding'] === undefined ? 'small' : 'large'
  const most = headers['content-encoding'] === undefined ? mostSmallBytes : mostCompressedBytes
  return Number(length) > most ? 'large' : 'small'
}

const mostSmallBytes = 262_144
const mostCompressedBytes = 16_384
