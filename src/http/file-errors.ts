import type { FastifyInstance } from 'fastify'
import { FhirError } from '../fhir/error.ts'

/**
 * What `@fastify/static` says of a path or a condition are no faults of ours, and its codes are not known elsewhere. A path that leads to
 * a folder, or out of it, leads nowhere; and a file is not there in every part, nor as whoever has it believes.
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
