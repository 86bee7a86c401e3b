import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Admission } from '../../accounts/sign-in/admit.ts'
import { setSessionCookie } from '../../http/caller/session.ts'
import { endSession } from '../../storage/account/session.ts'
import type { PageOptions } from '../page/add-page.ts'
import { knowBrowser } from './known-browser.ts'

/** Somebody who has given a first factor goes on to where they were going, or to the second factor. */
export const answerAdmission = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  admission: Admission,
  continued: string | undefined,
): Promise<FastifyReply> => {
  const { nameOf, options: cookieOptions } = options.cookies
  switch (admission.kind) {
    case 'signed-in':
      await enter(request, reply, options, admission.cookie)
      return reply.redirect(continued ?? '/account', 303)
    case 'second-factor': {
      reply.setCookie(nameOf('step'), admission.step, cookieOptions)
      const query = new URLSearchParams(continued === undefined ? {} : { continue: continued })
      return reply.redirect(`/second-factor?${query}`, 303)
    }
  }
}

/** From now on, the browser has the new session and no other. */
export const enter = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  cookie: string,
): Promise<void> => {
  const { accounts, cookies } = options
  const { session } = request
  if (session !== undefined) await endSession(accounts.database, session.person, session.id)
  setSessionCookie(reply, cookies, cookie)
  await knowBrowser(request, reply, options, cookie)
}
