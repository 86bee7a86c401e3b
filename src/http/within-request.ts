import type { FastifyInstance } from 'fastify'
import { withinDoor } from '../storage/audit/door.ts'

/** What the handlers of these routes do is recorded with the request within which they run. */
export const keepRequest = (server: FastifyInstance): void => {
  // Behind the body, which comes by events of the connection, and so within no request.
  server.addHook('preHandler', (request, _reply, done) => withinDoor({ request: request.id }, done))
}
