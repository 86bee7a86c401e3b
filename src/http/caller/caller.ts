import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'
import { type Cookies, isSameOrigin, sessionCookieOf } from './session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; absent on the public routes. */
    caller: Caller | undefined
  }
}

/** `for`: what the token has let in and goes on by it, also when it has run out. */
export type FindCaller = (bearer: string, asked?: { readonly for: 'going-on' }) => Promise<Caller | undefined>

/** How this server's own pages call, with the cookie of their session in the place of a token. */
export type Pages = {
  readonly cookies: Cookies
  readonly findCaller: FindCaller
  /** Of this server, as browsers name it. */
  readonly origin: () => string
}

/** Before it is answered that a token is not in force. */
export type OnRefused = (bearer: string, request: FastifyRequest) => Promise<void>

/**
 * A hook that lets nobody by without a token in force. https://www.rfc-editor.org/rfc/rfc6750: only the header is read.
 * Where pages may call as well, a request without that header is theirs if it comes from one of them.
 */
export const requireCaller =
  (findCaller: FindCaller, pages?: Pages, onRefused?: OnRefused) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { authorization } = request.headers
    const bearer = bearerOf(request)
    const find = async (asked?: { readonly for: 'going-on' }) => {
      if (authorization === undefined) return pageCaller(request, pages)
      return bearer === undefined ? undefined : findCaller(bearer, asked)
    }
    const caller = await find()
    if (caller === undefined) {
      if (bearer !== undefined) await onRefused?.(bearer, request)
      throw unauthorized(reply, authorization)
    }
    request.caller = caller
    request.isStillLetIn = async () => (await find({ for: 'going-on' })) !== undefined
  }

export const bearerOf = ({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined =>
  /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(headers.authorization ?? '')?.[1]

/** A cookie comes with whatever makes the browser ask: only what our own pages ask counts. */
const pageCaller = async (request: FastifyRequest, pages: Pages | undefined): Promise<Caller | undefined> => {
  if (pages === undefined || request.headers.cookie === undefined) return undefined
  return isSameOrigin(request, pages.origin()) ? pages.findCaller(sessionCookieOf(request, pages.cookies)) : undefined
}

/** "If the request lacks any authentication information, the resource server SHOULD NOT include an error code". */
const unauthorized = (reply: FastifyReply, authorization: string | undefined): FhirError => {
  const invalid = authorization !== undefined
  reply.header('www-authenticate', invalid ? `${challenge}, error="invalid_token"` : challenge)
  return new FhirError('login', invalid ? 'The token is not known, or no longer in force' : 'A bearer token is needed')
}

export const challenge = 'Bearer realm="fhir"'
