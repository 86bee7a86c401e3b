import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { addressGroup } from '../../http/address-group.ts'

/**
 * Hooks of a route: passwords of many people are not tried from one place. Whoever comes in is not counted, for all of an institution
 * may do so there at the same hour; until that is known they are, so that of many at once no more are tried than of as many in a row.
 */
export const limitRefused = () => {
  const byAddress = new Map<string, Tries>()
  const tried = new WeakMap<FastifyRequest, Tries>()
  return {
    onRequest: async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
      const tries = triesOf(byAddress, addressGroup(request))
      if (tries.count >= mostRefused) {
        reply.header('retry-after', Math.ceil((tries.until - Date.now()) / 1000))
        throw new FhirError('throttled', 'Too many requests')
      }
      tries.count += 1
      tried.set(request, tries)
    },
    onSend: async (request: FastifyRequest, { statusCode }: FastifyReply): Promise<void> => {
      const tries = tried.get(request)
      if (tries !== undefined && statusCode < 400) tries.count -= 1
    },
  }
}

type Tries = { count: number; readonly until: number }

const triesOf = (byAddress: Map<string, Tries>, address: string): Tries => {
  const known = byAddress.get(address)
  if (known !== undefined && known.until > Date.now()) return known
  const [oldest] = byAddress.keys()
  if (byAddress.size >= mostAddresses && oldest !== undefined) byAddress.delete(oldest)
  const begun = { count: 0, until: Date.now() + minuteMs }
  byAddress.delete(address)
  byAddress.set(address, begun)
  return begun
}

const mostRefused = 60
const minuteMs = 60_000
const mostAddresses = 10_000
