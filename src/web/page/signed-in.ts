import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Session } from '../../storage/account/session.ts'
import { pageOf } from './continue.ts'
import { isFramable } from './frame.ts'
import { sendOpenAgain } from './open-again.ts'

/**
 * A hook for pages of people who are signed in: all others must sign in first, and come back. What they sent is lost, and they are told so; for
 * forms into which people type, `keepsTyped` keeps it.
 */
export const requireSession = async (
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> => {
  if (request.session !== undefined) return undefined
  if (isFramable(request)) return sendOpenAgain(reply.code(401), 'launched.signed-out')
  return sendToSignIn(request, reply)
}

/** `isKept`: whether what they sent is still there once they have signed in. */
export const sendToSignIn = (request: FastifyRequest, reply: FastifyReply, { isKept = false } = {}): FastifyReply => {
  const unsaved = request.method === 'POST' ? (isKept ? '&unsaved=kept' : '&unsaved') : ''
  return reply.redirect(`/sign-in?${new URLSearchParams({ continue: pageOf(request) })}${unsaved}`, 303)
}

/** The session; to be used after `requireSession`. */
export const sessionOf = ({ session }: FastifyRequest): Session => {
  if (session === undefined) throw new Error('nobody is signed in')
  return session
}
