import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Cookies, cookieOf } from '../../http/caller/session.ts'
import { digestOf } from '../../storage/secret/secret.ts'
import { allowAnyFrame, asksAgain, isFramed, jarOf, pathAgain } from './frame.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { wordsOf } from './translated-page.ts'

/**
 * A hook for what is shown within a frame: whoever goes back there to where an earlier launch has led sees nothing of it, for the EHR may
 * have another patient open by now. Whoever follows a link stays where they are, also beside a second tab of the EHR.
 */
export const refuseOlder =
  (cookies: Cookies) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (request.session === undefined || !asksAgain(request) || leadsTo(request, cookies, pathAgain(request)))
      return undefined
    const words = wordsOf(request)
    const title = words.say('launched.older')
    allowAnyFrame(reply)
    return sendPage(reply.code(409).header('vary', 'accept-language'), {
      words,
      title,
      content: html`<h1>${title}</h1>
<p>${words.say('launched.again')}</p>`,
    })
  }

/** Notes where the last launch in the frame leads: to nothing, as long as it is under way. */
export const leadFrame = (request: FastifyRequest, reply: FastifyReply, cookies: Cookies, path = ''): void => {
  const jar = jarOf(request, cookies)
  if (isFramed(request) && jar !== undefined) reply.setCookie(jar.nameOf(name), placeOf(path), jar.options)
}

/** Whether it is there that the last launch in the frame has led. */
export const leadsTo = (request: FastifyRequest, cookies: Cookies, path: string): boolean => {
  const jar = jarOf(request, cookies)
  return !isFramed(request) || (jar !== undefined && cookieOf(request, jar, name) === placeOf(path))
}

const name = 'led-to'

/** A path may hold the secret of an arrival, and signs that a cookie does not. */
const placeOf = (path: string): string => digestOf(path).toString('base64url')
