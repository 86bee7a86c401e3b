import { AsyncLocalStorage } from 'node:async_hooks'
import type { FastifyInstance } from 'fastify'
import type { AuditDoor } from '../storage/audit/agent.ts'

/**
 * Keeps, for the handlers of these routes, within which request they run. It decides nothing and is asked by the audit alone: what
 * pages use is opened once for all, and asked for somebody by their id, through more hands than should carry it for the record's sake.
 */
export const keepRequest = (server: FastifyInstance): void => {
  // Behind the body, which comes by events of the connection, and so within no request.
  server.addHook('preHandler', (request, _reply, done) => doors.run({ request: request.id }, done))
}

/** The request that is being answered; where it is none of theirs, nothing is said. */
export const doorOfRequest = (): AuditDoor => doors.getStore() ?? {}

const doors = new AsyncLocalStorage<AuditDoor>()
