import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import type { Store } from '../../storage/store.ts'
import { type Leave, openFairTurns } from './fair-turns.ts'
import { callerKey, type LimitInFlight, personKey } from './in-flight.ts'
import { likeOf } from './like.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Runs something when its caller has a turn, which ends with it. A request that already has a turn needs no other. */
    inTurn?: InTurn | undefined
    /** Waits for something that needs no turn, and then for a turn again: before those who have not begun. */
    outOfTurn?: InTurn | undefined
  }
}

export type InTurn = <Done>(run: () => Promise<Done>) => Promise<Done>

export type CallerTurns = {
  readonly limitInFlight: LimitInFlight
  /** For what somebody reads on pages. The requests of pages themselves take no turn. */
  readonly turnsOf: (request: FastifyRequest, person: string) => InTurn
}

/**
 * The requests of all callers are worked on in fair turns; those that wait have been read. Otherwise, since each may keep a connection to the database
 * for as long as a statement may take, a few dozen searches of one caller could make everybody else wait for minutes. A request has a turn until it is
 * answered, but not while it waits for its record, for which another connection is used; and another whenever it reads more of an answer that goes out
 * page by page. While a page goes out, which a slow reader may draw out for hours, it has none.
 */
export const openCallerTurns = (connections: number): CallerTurns => {
  const { enter, stepOut } = openFairTurns(connections)
  const had = new WeakMap<FastifyRequest, Leave>()
  const answered = new WeakSet<FastifyRequest>()
  const turned = new WeakSet<FastifyRequest>()
  const askedBy = (request: FastifyRequest) => {
    const isRest = turned.has(request)
    turned.add(request)
    return { like: likeOf(request), isRest }
  }
  const turnsFor = (request: FastifyRequest, key: string): InTurn => {
    return async run => {
      if (had.has(request)) return run()
      const leave = await new Promise<Leave>(resolve => enter(key, resolve, askedBy(request)))
      if (hasGone(request)) {
        leave({ isUnused: true })
        throw gone
      }
      try {
        return await run()
      } finally {
        leave()
      }
    }
  }
  const outOfTurnFor = (request: FastifyRequest, key: string): InTurn => {
    return async run => {
      const before = had.get(request)
      const stepIn = before && stepOut(key)
      if (before === undefined || stepIn === undefined) return run()
      had.delete(request)
      before()
      try {
        return await run()
      } finally {
        const leave = await new Promise<Leave>(resolve => {
          enter(key, resolve, { place: 'returning', ...askedBy(request) })
          stepIn()
        })
        // If it was answered meanwhile, nothing else would end its turn.
        if (answered.has(request)) leave()
        else had.set(request, leave)
      }
    }
  }
  const limitInFlight = (server: FastifyInstance) => {
    server.addHook('preHandler', (request, _reply, done) => {
      const key = callerKey(request)
      request.inTurn = turnsFor(request, key)
      request.outOfTurn = outOfTurnFor(request, key)
      const begin = (leave: Leave) => {
        const isGone = hasGone(request)
        had.set(request, isGone ? () => leave({ isUnused: true }) : leave)
        done(isGone ? gone : undefined)
      }
      enter(key, begin, askedBy(request))
    })
    server.addHook('onSend', (request, _reply, _payload, done) => {
      const leave = had.get(request)
      had.delete(request)
      answered.add(request)
      leave?.()
      done()
    })
  }
  return { limitInFlight, turnsOf: (request, person) => turnsFor(request, personKey(person)) }
}

/** The same store, for answers that are read while they go out: it reads each page when its caller has a turn. */
export const readInTurn = <Reading extends Pick<Store, 'search' | 'unseen'>>(
  store: Reading,
  { inTurn }: Pick<FastifyRequest, 'inTurn'>,
): Reading =>
  inTurn === undefined
    ? store
    : {
        ...store,
        search: asked => inTurn(() => store.search(asked)),
        unseen: (...asked) => inTurn(() => store.unseen(...asked)),
      }

const hasGone = ({ raw }: FastifyRequest): boolean => raw.socket.destroyed

/** Nobody is there to be told. */
const gone = new FhirError('throttled', 'The client has gone')
