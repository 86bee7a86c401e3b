import type { FastifyReply } from 'fastify'
import { html } from './html.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'

/** For links that were used, are too old, or never were. */
export const sendLinkIsOver = (reply: FastifyReply): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendOwnPage(reply.code(410), words, {
    title: say('link-over.title'),
    content: html`<h1>${say('link-over.title')}</h1>
<p>${say('link-over.text')}</p>
<p><a href="/sign-in">${say('over.sign-in')}</a></p>`,
  })
}
