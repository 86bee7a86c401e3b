import type { FastifyInstance } from 'fastify'
import { FhirError } from '../fhir/error.ts'

/**
 * What `@fastify/static` reports about a path or a condition is not a fault of ours, and its codes are unknown elsewhere. A path that leads to a
 * folder, or out of it, is not found; and a client may ask for a part that the file does not have, or name a version that it is not.
 */
export const tellFileErrors = (server: FastifyInstance): void => {
  server.setErrorHandler((error, _request, reply) => {
    const { statusCode: status = 500, headers = {} } = error as Refusal
    if (nowhere.has(status)) return reply.callNotFound()
    reply.headers(headers)
    const message = messages[status]
    throw message === undefined ? error : new FhirError('processing', message, { status })
  })
}

type Refusal = { readonly statusCode?: number; readonly headers?: Readonly<Record<string, string>> }

const nowhere: ReadonlySet<number> = new Set([400, 403, 404])

const messages: Readonly<Record<number, string>> = {
  412: 'The file is not the one that the condition is about',
  416: 'The file has no such part',
}
