import type { FastifyInstance } from 'fastify'
import { withinDoor } from '../storage/audit/door.ts'

/** What the handlers of these routes do is recorded with the request that they handle. */
export const keepRequest = (server: FastifyInstance): void => {
  // After the body, which arrives through events of the connection, outside of any request.
  server.addHook('preHandler', (request, _reply, done) => withinDoor({ request: request.id }, done))
}
