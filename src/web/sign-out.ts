import { clearSessionCookie } from '../http/session.ts'
import { endSession } from '../storage/account/session.ts'
import type { AddPage } from './add-page.ts'

/** Ends the session, in the browser and here. */
export const signOutAction: AddPage = (server, { accounts, cookies }) => {
  server.post('/sign-out', { config: { isForAnybody: true } }, async ({ session }, reply) => {
    if (session !== undefined) await endSession(accounts.database, session.person, session.id)
    clearSessionCookie(reply, cookies)
    return reply.redirect('/sign-in?signed-out', 303)
  })
}
