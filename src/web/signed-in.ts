import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Session } from '../storage/account/session.ts'

/** A hook for pages of whoever is signed in: all others sign in first, and come back. */
export const requireSession = async (
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> => {
  if (request.session !== undefined) return undefined
  const back = request.method === 'GET' ? request.url : (request.url.split('?', 1)[0] ?? '')
  return reply.redirect(`/sign-in?${new URLSearchParams({ continue: back })}`, 303)
}

/** Behind `requireSession`. */
export const sessionOf = ({ session }: FastifyRequest): Session => {
  if (session === undefined) throw new Error('nobody is signed in')
  return session
}
