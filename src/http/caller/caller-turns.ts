import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import type { Store } from '../../storage/store.ts'
import { callerKey, type LimitInFlight, personKey } from './in-flight.ts'

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
 * For one caller, no more requests are worked on at once than four fifths of the connections to the database; the rest wait for these, once
 * they have been read. Otherwise, since each may keep a connection for as long as a statement may take, a few dozen searches of one caller
 * could make everybody else wait for minutes. A request has a turn until it is answered, but not while it waits for its record, for which another
 * connection is used; and another whenever it reads more of an answer that goes out page by page. While a page goes out, which a slow reader may
 * draw out for hours, it has none.
 */
export const openCallerTurns = (connections: number): CallerTurns => {
  const most = Math.max(1, Math.floor((connections * 4) / 5))
  const byCaller = new Map<string, Line>()
  const had = new WeakMap<FastifyRequest, Leave>()
  const answered = new WeakSet<FastifyRequest>()
  const enter = (key: string, begin: (leave: Leave) => void, place: Place = 'waiting') => {
    const line = byCaller.get(key) ?? lineOf(() => byCaller.delete(key))
    byCaller.set(key, line)
    const take = () => begin(() => end(line))
    if (line.working === most) {
      line[place].push(take)
      return
    }
    line.working++
    take()
  }
  const turnsFor = (request: FastifyRequest, key: string): InTurn => {
    return async run => {
      if (had.has(request)) return run()
      const leave = await new Promise<Leave>(resolve => enter(key, resolve))
      try {
        if (hasGone(request)) throw gone
        return await run()
      } finally {
        leave()
      }
    }
  }
  const outOfTurnFor = (request: FastifyRequest, key: string): InTurn => {
    return async run => {
      const [before, line] = [had.get(request), byCaller.get(key)]
      if (before === undefined || line === undefined || line.outside === most * mostOutside) return run()
      line.outside++
      had.delete(request)
      before()
      try {
        return await run()
      } finally {
        line.outside--
        const leave = await new Promise<Leave>(resolve => enter(key, resolve, 'returning'))
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
      enter(key, leave => {
        had.set(request, leave)
        done(hasGone(request) ? gone : undefined)
      })
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
export const readInTurn = <Reading extends Pick<Store, 'search'>>(
  store: Reading,
  { inTurn }: Pick<FastifyRequest, 'inTurn'>,
): Reading => (inTurn === undefined ? store : { ...store, search: asked => inTurn(() => store.search(asked)) })

/** So many requests may wait outside for each turn that a caller may have. Their answers are in memory, and it may be a while until they are recorded. */
const mostOutside = 3

type Leave = () => void

/** `returning`: those who have begun already. */
type Place = 'returning' | 'waiting'

/** `outside`: those who have begun, and wait for something else. */
type Line = { working: number; outside: number; readonly forget: () => void } & Readonly<Record<Place, (() => void)[]>>

const lineOf = (forget: () => void): Line => ({ working: 0, outside: 0, returning: [], waiting: [], forget })

/** The next one takes the place of the one that is done. */
const end = (line: Line): void => {
  const next = line.returning.shift() ?? line.waiting.shift()
  if (next === undefined) line.working--
  else next()
  if (line.working === 0 && line.outside === 0) line.forget()
}

const hasGone = ({ raw }: FastifyRequest): boolean => raw.socket.destroyed

/** Nobody is there to be told. */
const gone = new FhirError('throttled', 'The client has gone')
