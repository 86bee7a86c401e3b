import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../fhir/error.ts'

/**
 * Methods that a path does not answer are refused before the body is read, and after everything that the scope requires of everybody.
 * https://www.rfc-editor.org/rfc/rfc9110#status.405
 */
export const refuseOtherMethods = (server: FastifyInstance, url: string, allowed: readonly string[]): void => {
  const refuse = async ({ method }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    allow(reply, allowed)
    throw new FhirError('not-supported', `${method} is not answered here; accepted: ${allowed.join(', ')}`)
  }
  const others = methods.filter(method => !allowed.includes(method))
  server.route({ method: others, url, config: { isRefusal: true }, onRequest: refuse, handler: refuse })
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** "The HEAD method is identical to GET": https://www.rfc-editor.org/rfc/rfc9110#name-head */
export const allow = (reply: FastifyReply, allowed: readonly string[]): void => {
  const withHead = allowed.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  reply.header('allow', withHead.join(', '))
}
