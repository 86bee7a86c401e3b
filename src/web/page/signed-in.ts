import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Session } from '../../storage/account/session.ts'
import { pageOf } from './continue.ts'
import { allowAnyFrame, isFramable } from './frame.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { wordsOf } from './translated-page.ts'

/**
 * A hook for pages of people who are signed in: all others must sign in first, and come back. What they sent is lost, and they are told so; for
 * forms into which people type, `keepsTyped` keeps it.
 */
export const requireSession = async (
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> => {
  if (request.session !== undefined) return undefined
  if (isFramable(request)) return sendOpenAgain(request, reply)
  return sendToSignIn(request, reply)
}

/** `isKept`: whether what they sent is still there once they have signed in. */
export const sendToSignIn = (request: FastifyRequest, reply: FastifyReply, { isKept = false } = {}): FastifyReply => {
  const unsaved = request.method === 'POST' ? (isKept ? '&unsaved=kept' : '&unsaved') : ''
  return reply.redirect(`/sign-in?${new URLSearchParams({ continue: pageOf(request) })}${unsaved}`, 303)
}

const sendOpenAgain = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const words = wordsOf(request)
  const title = words.say('launched.signed-out')
  allowAnyFrame(reply)
  return sendPage(reply.code(401).header('vary', 'accept-language'), {
    words,
    title,
    content: html`<h1>${title}</h1>
<p>${words.say('launched.again')}</p>`,
  })
}

/** The session; to be used after `requireSession`. */
export const sessionOf = ({ session }: FastifyRequest): Session => {
  if (session === undefined) throw new Error('nobody is signed in')
  return session
}
