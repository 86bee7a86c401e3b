import type { FastifyReply } from 'fastify'
import { allowAnyFrame } from './frame.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { wordsOf } from './translated-page.ts'

/** For a frame in which nothing can be shown until the EHR opens it again. */
export const sendOpenAgain = (reply: FastifyReply, why: 'launched.older' | 'launched.signed-out'): FastifyReply => {
  const words = wordsOf(reply.request)
  const title = words.say(why)
  allowAnyFrame(reply)
  return sendPage(reply.header('vary', 'accept-language'), {
    words,
    title,
    content: html`<h1>${title}</h1>
<p>${words.say('launched.again')}</p>`,
  })
}
