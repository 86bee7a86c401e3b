import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { Database } from '../../storage/database.ts'
import { html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'

/** A hook after `requireSession`, for pages that ask for the password: an account that an institution made has none yet. */
export const requirePassword =
  ({ database }: Accounts) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    return (await hasPassword(database, sessionOf(request).person)) ? undefined : sendNoPassword(request, reply)
  }

export const hasPassword = async (database: Database, person: string): Promise<boolean> =>
  (await findAccountOf(database, person))?.password !== undefined

export const sendNoPassword = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  return sendTranslatedPage(reply.code(request.method === 'GET' ? 200 : 403), words, {
    title: say('no-password.title'),
    content: html`<h1>${say('no-password.title')}</h1>
<p>${say('no-password.text')} <a href="/forgotten-password">${say('no-password.choose')}</a></p>
<p><a href="/account">${say('own.back')}</a></p>`,
  })
}
