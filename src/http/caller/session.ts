import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import type { Session } from '../../storage/account/session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** On pages: who is signed in with this browser. */
    session: Session | undefined
  }
}

/** The cookies of this server. Over https, no other host, path or plain connection gets them, or can set them. */
export type Cookies = Jar<'lax'> & {
  /** The cookies in a frame of another site; undefined without TLS, since browsers would keep none there. */
  readonly framed: Jar<'none'> | undefined
}

export type Jar<SameSite = 'lax' | 'none'> = {
  /** The name under which a browser keeps a cookie. */
  readonly nameOf: (what: string) => string
  readonly options: {
    readonly path: '/'
    readonly httpOnly: true
    readonly sameSite: SameSite
    readonly secure: boolean
    readonly partitioned?: true
  }
}

/** BASE_URL says at which address others reach the server, so neither a proxy nor a request can be made to say otherwise. */
export const cookiesFor = ({ baseUrl }: Pick<Config, 'baseUrl'>): Cookies => {
  const secure = baseUrl?.startsWith('https:') ?? false
  // https://www.rfc-editor.org/rfc/rfc6265bis: `__Host-` only goes with Secure.
  const nameOf = (what: string) => `${secure ? '__Host-' : ''}sharewell-${what}`
  return { nameOf, options: { ...strict, secure }, framed: secure ? framed : undefined }
}

/** `lax`: somebody who follows a link from an app or an e-mail is still signed in, but a form of another site is not. */
const strict = { path: '/', httpOnly: true, sameSite: 'lax' } as const

/**
 * They have names of their own, so that pages outside a frame do not take them for theirs. Partitioned: what is kept in a frame of one site is
 * sent in frames of that site alone. https://developer.mozilla.org/docs/Web/Privacy/Guides/Privacy_sandbox/Partitioned_cookies
 */
const framed: Jar<'none'> = {
  nameOf: what => `__Host-sharewell-frame-${what}`,
  options: { path: '/', httpOnly: true, sameSite: 'none', secure: true, partitioned: true },
}

export const sessionCookieOf = (request: Pick<FastifyRequest, 'headers'>, cookies: Jar): string =>
  cookieOf(request, cookies, 'session')

/** Empty if the browser sent none. */
export const cookieOf = ({ headers }: Pick<FastifyRequest, 'headers'>, { nameOf }: Jar, what: string): string => {
  const start = `${nameOf(what)}=`
  const pairs = headers.cookie?.split(';').map(pair => pair.trim()) ?? []
  return pairs.find(pair => pair.startsWith(start))?.slice(start.length) ?? ''
}

export const setSessionCookie = (reply: FastifyReply, { nameOf, options }: Jar, cookie: string): void => {
  reply.setCookie(nameOf('session'), cookie, options)
}

export const clearSessionCookie = (reply: FastifyReply, { nameOf, options }: Jar): void => {
  reply.clearCookie(nameOf('session'), options)
}

/**
 * Whether a page of this server made the request. The browser says so, and no page can change that. Old browsers do not say so, and their
 * requests count as those of others.
 */
export const isSameOrigin = ({ headers }: Pick<FastifyRequest, 'headers'>, origin: string): boolean =>
  headers['sec-fetch-site'] === undefined ? headers.origin === origin : headers['sec-fetch-site'] === 'same-origin'

/** Whether a browser says that another site made the request. */
export const isForeign = (request: Pick<FastifyRequest, 'headers'>, origin: string): boolean => {
  const { 'sec-fetch-site': site, origin: from } = request.headers
  // Under `Referrer-Policy: no-referrer` the origin of our own forms is null as well.
  if (site === undefined && (from === undefined || from === 'null')) return false
  return !isSameOrigin(request, origin)
}
