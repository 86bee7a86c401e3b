import { clearSessionCookie, cookieOf } from '../../http/caller/session.ts'
import { endSession } from '../../storage/account/session.ts'
import { takeStep } from '../../storage/account/sign-in-step.ts'
import { dropSsoArrivalsOf } from '../../storage/account/sso.ts'
import type { AddPage } from '../page/add-page.ts'
import { ssoBrowserOf } from './sso.ts'

/**
 * Ends the session or a half-finished sign-in, in the browser and here, and also the proofs that the browser has of an invitation, or from an
 * institution.
 */
export const signOutAction: AddPage = (server, { accounts, cookies }) => {
  server.post('/sign-out', { config: { isForAnybody: true } }, async (request, reply) => {
    const { session } = request
    if (session !== undefined) await endSession(accounts.database, session.person, session.id)
    await takeStep(accounts.database, cookieOf(request, cookies, 'step'))
    await dropSsoArrivalsOf(accounts.database, ssoBrowserOf(request, cookies))
    clearSessionCookie(reply, cookies)
    for (const what of ['step', 'invitation']) reply.clearCookie(cookies.nameOf(what), cookies.options)
    return reply.redirect('/sign-in?signed-out', 303)
  })
}
