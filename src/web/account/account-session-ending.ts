import type { FastifyReply } from 'fastify'
import { sessionCookieOf } from '../../http/caller/session.ts'
import { lookAtSession, type SessionEnding } from '../../storage/account/session.ts'
import type { AddPage } from '../page/add-page.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'

/** What the pages ask before they say that a session ends, and what keeps it. Any use of a session keeps it; this one does nothing else. */
export const accountSessionEndingActions: AddPage = (server, { accounts: { database }, cookies }) => {
  const asked = { onRequest: requireSession, config: { isNoUse: true } }
  server.get('/account/sessions/ending', asked, async (request, reply) => send(reply, sessionOf(request).ending))
  server.post('/account/sessions/keep', { onRequest: requireSession }, async (request, reply) => {
    // The request itself was found in the session as it was before.
    const kept = await lookAtSession(database, sessionCookieOf(request, cookies))
    return send(reply, (kept ?? sessionOf(request)).ending)
  })
}

const send = (reply: FastifyReply, ending: SessionEnding): FastifyReply => reply.send(ending)
