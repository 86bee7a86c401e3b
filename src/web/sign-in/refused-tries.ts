import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { FhirError } from '../../fhir/error.ts'
import { addressGroup } from '../../http/address-group.ts'

/**
 * Hooks of a route, so that the passwords of many people are not tried from one place. People who sign in are not counted, since a whole
 * institution may sign in there in the same hour. Until the result is known, they are counted, so that no more can be tried at once than in a
 * row. There is also a limit for those who succeed: each password takes a twentieth of a second of a processor, right or wrong.
 */
export const limitRefused = () => {
  const byAddress = new LRUCache<string, Tries>({
    max: mostAddresses,
    ttl: minuteMs,
    ttlResolution: 0,
    memoMethod: () => ({ refused: 0, all: 0 }),
  })
  const tried = new WeakMap<FastifyRequest, Tries>()
  return {
    onRequest: async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const address = addressGroup(request)
      const tries = byAddress.memo(address)
      if (tries.refused >= mostRefused || tries.all >= mostTries) {
        reply.header('retry-after', Math.ceil(byAddress.getRemainingTTL(address) / 1000))
        throw new FhirError('throttled', 'Too many requests')
      }
      tries.refused += 1
      tries.all += 1
      tried.set(request, tries)
    },
    onSend: async (request: FastifyRequest, { statusCode }: FastifyReply): Promise<void> => {
      const tries = tried.get(request)
      if (tries !== undefined && statusCode < 400) tries.refused -= 1
    },
  }
}

/** They end by the monotonic clock of the library, which nobody sets back. */
type Tries = { refused: number; all: number }

const mostRefused = 60
const mostTries = 300
const minuteMs = 60_000
const mostAddresses = 10_000
