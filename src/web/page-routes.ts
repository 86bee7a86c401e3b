import fastifyCookie from '@fastify/cookie'
import fastifyCsrf from '@fastify/csrf-protection'
import fastifyFormbody from '@fastify/formbody'
import fastifyHelmet from '@fastify/helmet'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Cookies, sessionCookieOf } from '../http/caller/session.ts'
import { keepRequest } from '../http/within-request.ts'
import { findFramedSession, findSession, isInForce, lookAtSession, type Session } from '../storage/account/session.ts'
import { standingOf } from '../storage/account/standing.ts'
import type { Database } from '../storage/database.ts'
import { sendFormOfAnother } from './form-of-another.ts'
import { languageNotes } from './language-notes.ts'
import type { PageOptions } from './page/add-page.ts'
import { contentSecurityPolicy } from './page/content-security.ts'
import { requireOwnForms, unmarkedToken } from './page/form-token.ts'
import { allowFrame, isFramed, jarOf } from './page/frame.ts'
import { isOnThisMachine } from './page/outbox-note.ts'
import { pageLimits } from './page/page-limits.ts'
import { pages } from './pages.ts'
import { recordRefusedPages } from './refused-page.ts'
import { staticFiles } from './static-files.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A session is not used by asking this, and so does not last longer. */
    readonly isNoUse?: boolean
  }
}

/** The pages, apart from the API: with forms that only our own pages can send, and headers that allow nothing else. */
export const pageRoutes = async (server: FastifyInstance, options: PageOptions): Promise<void> => {
  const { accounts, cookies } = options
  recordRefusedPages(server, { database: accounts.database, trail: options.trail })
  await server.register(fastifyHelmet, headers(cookies.options.secure))
  await server.register(staticFiles)
  await server.register(fastifyCookie)
  server.removeAllContentTypeParsers()
  await server.register(fastifyFormbody, { bodyLimit: 65_536 })
  await server.register(fastifyCsrf, {
    cookieKey: cookies.nameOf('form'),
    cookieOpts: cookies.options,
    getToken: unmarkedToken,
    logLevel: 'debug',
  })
  await server.register(fastifyRateLimit, pageLimits)
  keepRequest(server)
  server.decorateRequest('session', undefined)
  server.decorateRequest('standing', undefined)
  server.decorateRequest('hasOutbox', false)
  const noteLanguage = languageNotes(accounts.database)
  server.addHook('onRequest', async (request, reply) => {
    // Redirects are not cached either: a browser that goes back would use a stored one, and be sent to and fro between signing in and the page.
    reply.header('cache-control', 'no-store')
    // CORS is only for the API: scripts of other sites must not read what a page shows, such as the outbox.
    for (const header of ['access-control-allow-origin', 'access-control-expose-headers']) reply.removeHeader(header)
    request.session = await sessionFor(request, accounts.database, cookies)
    if (request.session !== undefined) {
      const { id, person } = request.session
      request.isStillLetIn = () => isInForce(accounts.database, id)
      request.inTurn = options.turnsOf(request, person)
      request.standing = await standingOf(accounts.database, person)
      await noteLanguage(request, request.session)
    }
    request.hasOutbox = options.outbox !== undefined && isOnThisMachine(request)
    allowFrame(reply, request.session?.frame?.origins ?? [])
  })
  const origin = () => new URL(accounts.address()).origin
  requireOwnForms(server, { cookies, origin, refuseOthers: sendFormOfAnother })
  server.get('/', async (_request, reply) => reply.redirect('/account', 303))
  for (const add of pages) add(server, options)
}

const sessionFor = async (
  request: FastifyRequest,
  database: Database,
  cookies: Cookies,
): Promise<Session | undefined> => {
  const jar = jarOf(request, cookies)
  if (jar === undefined) return undefined
  const find = isFramed(request) ? findFramedSession : request.routeOptions.config.isNoUse ? lookAtSession : findSession
  return find(database, sessionCookieOf(request, jar))
}

const headers = (secure: boolean) => ({
  contentSecurityPolicy,
  frameguard: { action: 'deny' as const },
  hsts: secure && { maxAge: 365 * 24 * 60 * 60, includeSubDomains: false },
  referrerPolicy: { policy: 'no-referrer' as const },
})
