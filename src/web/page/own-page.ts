import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'

/** In the language that the browser asks for. */
export const wordsOf = (request: FastifyRequest): Words => wordsFor(request.headers['accept-language'])

type OwnPage = { readonly title: string; readonly content: Html; readonly isProblem?: boolean }

/** A page for a patient. What a cache keeps of it is of one language. */
export const sendOwnPage = (reply: FastifyReply, words: Words, page: OwnPage): FastifyReply => {
  reply.header('vary', 'accept-language')
  const isSignedIn = reply.request.session !== undefined
  return sendPage(reply, { ...page, words, ...(isSignedIn && { signOut: { token: ownToken(reply) } }) })
}

/** For what was used, has ended, or never was. */
export const sendInvitationIsOver = (reply: FastifyReply, words: Words): FastifyReply => {
  const { say } = words
  return sendOwnPage(reply.code(410), words, {
    title: say('over.title'),
    content: html`<h1>${say('over.title')}</h1>
<p>${say('over.text')}</p>
<p><a href="/sign-in?continue=%2Fsharing">${say('over.sign-in')}</a></p>`,
  })
}
