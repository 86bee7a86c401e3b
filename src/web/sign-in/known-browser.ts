import type { FastifyReply, FastifyRequest } from 'fastify'
import { knownBrowserCookie } from '../../accounts/sign-in/known-browser.ts'
import { cookieOf } from '../../http/caller/session.ts'
import { lookAtSession } from '../../storage/account/session.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { PageOptions } from '../page/add-page.ts'

/** The cookie that says who has signed in with this browser before. It opens nothing. */
export const knownCookieOf = (request: FastifyRequest, { cookies }: Pick<PageOptions, 'cookies'>): string =>
  cookieOf(request, cookies, 'known')

/**
 * Somebody has signed in completely. Only with their own password: a server that vouches for its people could come as any of them, again and again,
 * and would have more tries each time.
 */
export const knowBrowser = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  sessionCookie: string,
): Promise<void> => {
  const session = await lookAtSession(options.accounts.database, sessionCookie)
  if (session?.methods.includes('pwd')) await knowBrowserOf(request, reply, options, session.person)
}

/** Somebody has shown, or just chosen, the password of the person's account. */
export const knowBrowserOf = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { accounts: { database, secretKey }, cookies }: PageOptions,
  person: string,
): Promise<void> => {
  const account = await findAccountOf(database, person)
  if (account?.password === undefined) return
  const known = knownBrowserCookie(secretKey, knownCookieOf(request, { cookies }), account)
  reply.setCookie(cookies.nameOf('known'), known, { ...cookies.options, maxAge: keptSeconds })
}

const keptSeconds = 180 * 24 * 60 * 60
