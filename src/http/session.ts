import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import type { Session } from '../storage/account/session.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is signed in with this browser, on pages. */
    session: Session | undefined
  }
}

/** The cookies of this server: over https no other host, path or plain connection has them, or can set them. */
export type Cookies = {
  /** The name under which a browser keeps one. */
  readonly nameOf: (what: string) => string
  readonly options: typeof strict & { readonly secure: boolean }
}

/** What others reach is decided by BASE_URL, so a proxy cannot be made to say otherwise. */
export const cookiesFor = ({ baseUrl }: Pick<Config, 'baseUrl'>): Cookies => {
  const secure = baseUrl?.startsWith('https:') ?? false
  // https://www.rfc-editor.org/rfc/rfc6265bis: `__Host-` only goes with Secure.
  return { nameOf: what => `${secure ? '__Host-' : ''}sharewell-${what}`, options: { ...strict, secure } }
}

/** `lax`: whoever follows a link of an app or of an e-mail to a page is still signed in there; no form of others is. */
const strict = { path: '/', httpOnly: true, sameSite: 'lax' } as const

export const sessionCookieOf = (request: Pick<FastifyRequest, 'headers'>, cookies: Cookies): string =>
  cookieOf(request, cookies, 'session')

/** The empty text where the browser has none. */
export const cookieOf = ({ headers }: Pick<FastifyRequest, 'headers'>, { nameOf }: Cookies, what: string): string => {
  const start = `${nameOf(what)}=`
  const pairs = headers.cookie?.split(';').map(pair => pair.trim()) ?? []
  return pairs.find(pair => pair.startsWith(start))?.slice(start.length) ?? ''
}

export const setSessionCookie = (reply: FastifyReply, { nameOf, options }: Cookies, cookie: string): void => {
  reply.setCookie(nameOf('session'), cookie, options)
}

export const clearSessionCookie = (reply: FastifyReply, { nameOf, options }: Cookies): void => {
  reply.clearCookie(nameOf('session'), options)
}

/**
 * Whether a page of this server made the request: what a browser says of it no page can change. Old browsers do not say
 * it, and their requests are taken for others'.
 */
export const isSameOrigin = ({ headers }: Pick<FastifyRequest, 'headers'>, origin: string): boolean =>
  headers['sec-fetch-site'] === undefined ? headers.origin === origin : headers['sec-fetch-site'] === 'same-origin'
