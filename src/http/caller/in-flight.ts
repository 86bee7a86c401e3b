import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'
import { presentationOf } from '../fhir/media-type.ts'

type WorkBounds = {
  readonly most: number
  /** How many of them may have a body that takes memory; as many again may have an answer that does. */
  readonly mostLarge: number
}

/** Adds the hooks that hold a server's requests within limits; behind the hook that finds the caller, so that nobody else takes a place. */
export type LimitInFlight = (server: FastifyInstance) => void

/**
 * The process begins no more than it can work on: a request beyond the limit is refused before any of it is read, and the client
 * tries again. How busy the event loop is would show an overload too late, and nothing of the requests that wait for the database.
 * A slow sender or reader keeps its place for a long time, so one caller never has all the places.
 */
export const openInFlightLimits = (bounds: WorkBounds): LimitInFlight => {
  const share = { most: shareOf(bounds.most), mostLarge: shareOf(bounds.mostLarge) }
  const all = none()
  const byCaller = new Map<string, Tally>()
  const taken = new WeakMap<FastifyRequest, Taken[]>()
  const take = (request: FastifyRequest, { tally, size }: Taken, { most, mostLarge }: WorkBounds, words: string) => {
    if (sumOf(tally) >= most || (size !== 'small' && tally[size] >= mostLarge)) throw new FhirError('throttled', words)
    tally[size]++
    taken.set(request, [...(taken.get(request) ?? []), { tally, size }])
  }
  const leave = (request: FastifyRequest) => {
    const places = taken.get(request)
    if (places === undefined) return
    taken.delete(request)
    for (const { tally, size } of places) tally[size]--
    const key = callerKey(request)
    const own = byCaller.get(key)
    if (own !== undefined && sumOf(own) === 0) byCaller.delete(key)
  }
  const enter = (request: FastifyRequest, size: Size) => {
    const key = callerKey(request)
    const own = byCaller.get(key) ?? none()
    take(request, { tally: own, size }, share, busyWithOne)
    byCaller.set(key, own)
    take(request, { tally: all, size }, bounds, busy)
  }
  return server => {
    server.addHook('onRequest', async request => enter(request, sizeOf(request)))
    // What a posted form asks for is known only once it has been read.
    server.addHook('preHandler', async request => {
      if (!asksForLines(request)) return
      leave(request)
      enter(request, 'lines')
    })
    // There is no `onResponse` for a client that leaves before it is answered.
    server.addHook('onSend', (request, { raw }, _payload, done) => {
      if (raw.destroyed) leave(request)
      else for (const end of ['finish', 'close']) raw.once(end, () => leave(request))
      done()
    })
  }
}

/** `lines`: an answer of page after page, one of which is held in memory for as long as its reader takes. */
type Size = 'small' | 'large' | 'lines'
type Tally = { [size in Size]: number }

const none = (): Tally => ({ small: 0, large: 0, lines: 0 })

const sumOf = ({ small, large, lines }: Tally): number => small + large + lines

type Taken = { readonly tally: Tally; readonly size: Size }

const shareOf = (most: number): number => Math.ceil((most * 3) / 4)

const callerOf = ({ caller }: FastifyRequest): Caller => {
  if (caller === undefined) throw new Error('a route without its caller')
  return caller
}

/** The same for all apps and tokens of one caller. */
export const callerKey = (request: FastifyRequest): string => keyOf(callerOf(request))

const keyOf = ({ person, patient, client }: Caller): string =>
  person === undefined ? (patient ?? `client ${client.id}`) : personKey(person.id)

export const personKey = (id: string): string => `person ${id}`

const busy = 'This server has as much to do as it can: send it again in a moment'
const busyWithOne = 'As much of yours is being done as this server does for one at a time: send it again in a moment'

/** Judged by the headers, before anything is read: a JSON text is some ten times its compressed size. */
const sizeOf = (request: FastifyRequest): Size => {
  if (request.presentation.lines) return 'lines'
  return isLargeBody(request) ? 'large' : 'small'
}

export const isLargeBody = ({ headers }: Pick<FastifyRequest, 'headers'>): boolean => {
  const length = headers['content-length']
  if (length === undefined) return headers['transfer-encoding'] !== undefined
  const most = headers['content-encoding'] === undefined ? mostSmallBytes : mostCompressedBytes
  return Number(length) > most
}

const asksForLines = ({ headers, body }: FastifyRequest): boolean =>
  body instanceof URLSearchParams && presentationOf(headers.accept, body)?.lines === true

const mostSmallBytes = 262_144
const mostCompressedBytes = 16_384
