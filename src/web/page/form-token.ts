import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { type Cookies, isForeign, isSameOrigin, sessionCookieOf } from '../../http/caller/session.ts'
import { isFramed, jarOf } from './frame.ts'
import { ticked } from './typed.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Its form opens a tab that has no cookies yet; instead, the browser must say that one of our pages sent it. */
    readonly opensTab?: boolean
    /** Other sites send forms to it. Their content proves itself, and no cookie counts. */
    readonly isPostedByOthers?: boolean
    /** The form is accepted whoever has signed in since its page was made, because that does not matter, or the form itself says for whom it is. */
    readonly isForAnybody?: boolean
  }
}

type Parts = {
  readonly cookies: Cookies
  /** The origin of this server in browsers. */
  readonly origin: () => string
  /** Answers a form from a page that was made for somebody else. */
  readonly refuseOthers: (request: FastifyRequest, reply: FastifyReply) => FastifyReply
}

/** The secret in the forms of a page: in a frame it belongs to the session, otherwise to the browser. */
export const formTokenOf = (request: FastifyRequest, reply: FastifyReply, cookies: Cookies): string =>
  isFramed(request) ? framedToken(request, cookies) : ownToken(reply)

/**
 * One token for all forms in an answer. If each got its own, a browser without a secret would be sent several, keep the last one, and be refused
 * with the other forms. Since the browser may be shared, it is marked with the person who is signed in.
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

/** The mark of the person, and not of the session, so that somebody who signs in again can go on in all their windows. */
const markOf = (token: string, person: string): string => createHmac('sha256', token).update(person).digest('base64url')

/** The part of the token that is compared with the browser's secret. */
export const unmarkedToken = ({ body }: Pick<FastifyRequest, 'body'>): string => partsOf(body).token

const partsOf = (body: unknown): { readonly token: string; readonly mark: string | undefined } => {
  const [token = '', mark] = sentToken(body).split('.')
  return { token, mark }
}

/** Empty if it was sent more than once, which is not a valid token. */
const sentToken = (body: unknown): string => {
  const [token = '', ...others] = ticked(body, '_csrf')
  return others.length === 0 ? token : ''
}

/** Requires that forms come from our own pages: the browser must say that no other site sent them, and they must have the token. */
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

/** Whether the form was made for somebody who was signed in, or for `person` if given. */
export const isMarkedFor = (body: unknown, person?: string): boolean => {
  const { token, mark } = partsOf(body)
  return mark !== undefined && (person === undefined || isToken(mark, markOf(token, person)))
}

/** Whether it was made for somebody other than the person who is now signed in. A form that was made for nobody belongs to no other. */
const isOfAnother = ({ body, session, routeOptions }: FastifyRequest): boolean => {
  const { token, mark } = partsOf(body)
  if (routeOptions.config.isForAnybody || session === undefined || mark === undefined) return false
  return !isToken(mark, markOf(token, session.person))
}

/** A check for where cookies prove little: other sites may make the browser send those of a frame, and a new tab has none. */
const isOwnForm = (request: FastifyRequest, { cookies, origin }: Parts): boolean => {
  if (!isSameOrigin(request, origin())) return false
  return isFramed(request) ? isToken(sentToken(request.body), framedToken(request, cookies)) : true
}

const refusal = () => new FhirError('forbidden', 'The form comes from another site', { cause: foreign })
const foreign = { code: 'FST_CSRF_FOREIGN' }

/** Whether this refuses a form because nothing shows that it comes from one of our own pages, and not because of who sends it. */
export const refusesForm = ({ cause }: FhirError): boolean => String(Object(cause).code).startsWith('FST_CSRF_')

/** Empty without a session, which is not a valid token. */
const framedToken = (request: FastifyRequest, cookies: Cookies): string => {
  const jar = jarOf(request, cookies)
  const cookie = jar === undefined ? '' : sessionCookieOf(request, jar)
  return cookie === '' ? '' : createHmac('sha256', cookie).update('form').digest('base64url')
}

const isToken = (given: string, expected: string): boolean => {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return expected !== '' && one.length === other.length && timingSafeEqual(one, other)
}
