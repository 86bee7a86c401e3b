import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import { findAccountOf } from '../storage/user-account.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { sessionOf } from './signed-in.ts'

/** A hook behind `requireSession`, for pages that ask for the password: an account that an institution made has none yet. */
export const requirePassword =
  ({ database }: Accounts) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const account = await findAccountOf(database, sessionOf(request).person)
    return account?.password === undefined
      ? sendNoPassword(reply.code(request.method === 'GET' ? 200 : 403))
      : undefined
  }

const sendNoPassword = (reply: FastifyReply): FastifyReply =>
  sendPage(reply, {
    title: 'Choose a password first',
    signOut: { token: ownToken(reply) },
    content: html`<h1>Choose a password first</h1>
<p>This change asks for your password, and you have none yet. <a href="/forgotten-password">Choose one</a>, by a link that we send to your e-mail address.</p>
<p><a href="/account">Back to your account</a></p>`,
  })
