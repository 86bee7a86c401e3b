import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { type Cookies, isForeign, isSameOrigin, sessionCookieOf } from '../../http/caller/session.ts'
import { isFramed, jarOf } from './frame.ts'
import { typed } from './typed.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its form is sent into a tab that has no cookies yet: there the browser must say that a page of ours sent it. */
    readonly opensTab?: boolean
    /** Other sites send forms there: what these say proves itself, and no cookie counts. */
    readonly isPostedByOthers?: boolean
    /** Taken whoever has signed in since its page was made: that plays no part, or the form says itself for whom it is. */
    readonly isForAnybody?: boolean
  }
}

type Parts = {
  readonly cookies: Cookies
  /** Of this server, as browsers name it. */
  readonly origin: () => string
  /** Answers a form from a page that was made for somebody else. */
  readonly refuseOthers: (request: FastifyRequest, reply: FastifyReply) => FastifyReply
}

/** What the forms of a page carry, and nobody else knows: within a frame it belongs to the session, else to the browser. */
export const formTokenOf = (request: FastifyRequest, reply: FastifyReply, cookies: Cookies): string =>
  isFramed(request) ? framedToken(request, cookies) : ownToken(reply)

/**
 * Of one answer, for all its forms: made anew for each, a browser that has no secret yet would get several, keep the last,
 * and be refused with the forms before. The browser may be shared, so that it is marked with whoever is signed in.
 */
export const ownToken = (reply: FastifyReply): string => {
  const known = tokens.get(reply)
  if (known !== undefined) return known
  const token = reply.generateCsrf()
  const { session } = reply.request
  const marked = session === undefined ? token : `${token}.${markOf(token, session.person)}`
  tokens.set(reply, marked)
  return marked
}
const tokens = new WeakMap<FastifyReply, string>()

/** Of the person, and not of the session: whoever signs in again goes on in each of their windows. */
const markOf = (token: string, person: string): string => createHmac('sha256', token).update(person).digest('base64url')

/** What the browser's secret is checked against. */
export const unmarkedToken = ({ body }: Pick<FastifyRequest, 'body'>): string => partsOf(body).token

const partsOf = (body: unknown): { readonly token: string; readonly mark: string | undefined } => {
  const [token = '', mark] = typed(body, '_csrf').split('.')
  return { token, mark }
}

/** Forms come from our own pages: the browser says that no other site sent them, and they carry the token. */
export const requireOwnForms = (server: FastifyInstance, parts: Parts): void => {
  server.addHook('preHandler', (request, reply, done) => {
    if (request.method !== 'POST' || request.routeOptions.config.isPostedByOthers) return done()
    if (isForeign(request, parts.origin())) return done(refusal())
    if (isFramed(request) || request.routeOptions.config.opensTab)
      return done(isOwnForm(request, parts) ? undefined : refusal())
    server.csrfProtection(request, reply, () => {
      if (isOfAnother(request)) parts.refuseOthers(request, reply)
      else done()
    })
  })
}

/** Whether the form was made for whoever was signed in; where a person is named, for them. */
export const isMarkedFor = (body: unknown, person?: string): boolean => {
  const { token, mark } = partsOf(body)
  return mark !== undefined && (person === undefined || isToken(mark, markOf(token, person)))
}

/** Made for somebody else than who is signed in by now. What was made for nobody is of nobody else. */
const isOfAnother = ({ body, session, routeOptions }: FastifyRequest): boolean => {
  const { token, mark } = partsOf(body)
  if (routeOptions.config.isForAnybody || session === undefined || mark === undefined) return false
  return !isToken(mark, markOf(token, session.person))
}

/** Where cookies alone would say little: other sites may have the browser send those of a frame, and a new tab has none. */
const isOwnForm = (request: FastifyRequest, { cookies, origin }: Parts): boolean => {
  if (!isSameOrigin(request, origin())) return false
  return isFramed(request) ? isToken(typed(request.body, '_csrf'), framedToken(request, cookies)) : true
}

const refusal = () => new FhirError('forbidden', 'The form comes from another site')

/** Empty where there is no session, which is no token. */
const framedToken = (request: FastifyRequest, cookies: Cookies): string => {
  const jar = jarOf(request, cookies)
  const cookie = jar === undefined ? '' : sessionCookieOf(request, jar)
  return cookie === '' ? '' : createHmac('sha256', cookie).update('form').digest('base64url')
}

const isToken = (given: string, expected: string): boolean => {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return expected !== '' && one.length === other.length && timingSafeEqual(one, other)
}
