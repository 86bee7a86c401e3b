import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { FhirError } from '../fhir/error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; absent on the public routes. */
    caller: Caller | undefined
  }
}

export type FindCaller = (bearer: string) => Promise<Caller | undefined>

/** A hook that lets nobody by without a token in force. https://www.rfc-editor.org/rfc/rfc6750: only the header is read. */
export const requireCaller =
  (findCaller: FindCaller) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const bearer = bearerOf(request)
    const caller = bearer === undefined ? undefined : await findCaller(bearer)
    if (caller === undefined) throw unauthorized(reply, request.headers.authorization)
    request.caller = caller
  }

export const bearerOf = ({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined =>
  /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(headers.authorization ?? '')?.[1]

/** "If the request lacks any authentication information, the resource server SHOULD NOT include an error code". */
const unauthorized = (reply: FastifyReply, authorization: string | undefined): FhirError => {
  const invalid = authorization !== undefined
  reply.header('www-authenticate', invalid ? `${challenge}, error="invalid_token"` : challenge)
  return new FhirError('login', invalid ? 'The token is not known, or no longer in force' : 'A bearer token is needed')
}

const challenge = 'Bearer realm="fhir"'
