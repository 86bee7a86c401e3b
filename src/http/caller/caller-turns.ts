import type { FastifyInstance, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { type Bounds, callerKey } from './in-flight.ts'

/**
 * Of one caller no more requests are worked on at once than four fifths of the connections to the database; others of theirs wait
 * for these, once they have been read. Each may keep a connection for as long as a statement may take, and a few dozen searches of one
 * had everybody else wait for minutes.
 */
export const openCallerTurns = (connections: number): Bounds => {
  const most = Math.max(1, Math.floor((connections * 4) / 5))
  const byCaller = new Map<string, Line>()
  const lines = new WeakMap<FastifyRequest, Line>()
  return (server: FastifyInstance) => {
    server.addHook('preHandler', (request, _reply, done) => {
      const key = callerKey(request)
      const line = byCaller.get(key) ?? lineOf(() => byCaller.delete(key))
      byCaller.set(key, line)
      const begin = () => {
        lines.set(request, line)
        done(request.raw.socket.destroyed ? gone : undefined)
      }
      if (line.working === most) {
        line.waiting.push(begin)
        return
      }
      line.working++
      begin()
    })
    server.addHook('onSend', (request, _reply, _payload, done) => {
      const line = lines.get(request)
      if (lines.delete(request) && line !== undefined) end(line)
      done()
    })
  }
}

type Line = { working: number; readonly waiting: (() => void)[]; readonly forget: () => void }

const lineOf = (forget: () => void): Line => ({ working: 0, waiting: [], forget })

/** The next has the place of the one that is done. */
const end = (line: Line): void => {
  const next = line.waiting.shift()
  if (next === undefined) line.working--
  else next()
  if (line.working === 0) line.forget()
}

/** Nobody is told. */
const gone = new FhirError('throttled', 'The client has gone')
