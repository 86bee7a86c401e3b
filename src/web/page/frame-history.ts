import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Cookies, cookieOf } from '../../http/caller/session.ts'
import { digestOf } from '../../storage/secret/secret.ts'
import { asksAgain, isFramed, jarOf, pathAgain } from './frame.ts'
import { sendOpenAgain } from './open-again.ts'

/**
 * A hook for pages in a frame: somebody who goes back there to the pages of an earlier launch sees nothing of them, since the EHR may have
 * another patient open by now. Following links is not affected, even with a second tab of the EHR.
 */
export const refuseOlder =
  (cookies: Cookies) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (request.session === undefined || !asksAgain(request) || leadsTo(request, cookies, pathAgain(request)))
      return undefined
    return sendOpenAgain(reply.code(409), 'launched.older')
  }

/** Notes where the last launch in the frame leads; nowhere while it is under way. */
export const leadFrame = (request: FastifyRequest, reply: FastifyReply, cookies: Cookies, path = ''): void => {
  const jar = jarOf(request, cookies)
  if (isFramed(request) && jar !== undefined) reply.setCookie(jar.nameOf(name), placeOf(path), jar.options)
}

/** Whether the last launch in the frame led to the path. */
export const leadsTo = (request: FastifyRequest, cookies: Cookies, path: string): boolean => {
  const jar = jarOf(request, cookies)
  return !isFramed(request) || (jar !== undefined && cookieOf(request, jar, name) === placeOf(path))
}

const name = 'led-to'

/** A digest, since a path may contain the secret of an arrival, and characters that a cookie cannot have. */
const placeOf = (path: string): string => digestOf(path).toString('base64url')
