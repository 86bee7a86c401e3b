import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Caller, isSameCaller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'
import { type Cookies, isSameOrigin, sessionCookieOf } from './session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; absent on the public routes. */
    caller: Caller | undefined
  }
}

/** `for: 'going-on'`: for what the token has already let in, and what may go on even after the token has expired. */
export type FindCaller = (bearer: string, asked?: { readonly for: 'going-on' }) => Promise<Caller | undefined>

/** How this server's own pages call: with the cookie of their session instead of a token. */
export type Pages = {
  readonly cookies: Cookies
  readonly findCaller: FindCaller
  /** The origin of this server, as browsers send it. */
  readonly origin: () => string
}

/** Called before it is answered that a token is not in force. */
export type OnRefused = (bearer: string, request: FastifyRequest) => Promise<void>

/**
 * A hook that lets nobody through without a token in force, which is read from the header alone: https://www.rfc-editor.org/rfc/rfc6750. If pages
 * may call as well, a request without that header counts as theirs if it comes from one of them.
 */
export const requireCaller =
  (findCaller: FindCaller, pages: Pages | undefined, onRefused: OnRefused) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { authorization } = request.headers
    const bearer = bearerOf(request)
    const find = async (asked?: { readonly for: 'going-on' }) => {
      if (authorization === undefined) return pageCaller(request, pages)
      return bearer === undefined ? undefined : findCaller(bearer, asked)
    }
    const caller = await find()
    if (caller === undefined) {
      if (bearer !== undefined) await onRefused(bearer, request)
      throw unauthorized(reply, authorization)
    }
    request.caller = caller
    request.isStillLetIn = async () => isSameCaller(caller, await find({ for: 'going-on' }))
  }

export const bearerOf = ({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined =>
  /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(headers.authorization ?? '')?.[1]

/** The browser sends the cookie whoever causes the request, so only requests of our own pages count. */
const pageCaller = async (request: FastifyRequest, pages: Pages | undefined): Promise<Caller | undefined> => {
  if (pages === undefined || request.headers.cookie === undefined) return undefined
  return isSameOrigin(request, pages.origin()) ? pages.findCaller(sessionCookieOf(request, pages.cookies)) : undefined
}

/** "If the request lacks any authentication information, the resource server SHOULD NOT include an error code". */
const unauthorized = (reply: FastifyReply, authorization: string | undefined): FhirError => {
  const invalid = /^Bearer\b/i.test(authorization ?? '')
  reply.header('www-authenticate', invalid ? `${challenge}, error="invalid_token"` : challenge)
  return new FhirError('login', invalid ? 'The token is not known, or no longer in force' : 'A bearer token is needed')
}

export const challenge = 'Bearer realm="fhir"'
