import type { FastifyReply } from 'fastify'
import type { Words } from '../../messages/catalogue.ts'
import { type Html, html } from './html.ts'
import { sendTranslatedPage, wordsOf } from './translated-page.ts'

/** For links that were used, are too old, or never existed. `another`: how to get a new one, if people can ask for it themselves. */
export const sendLinkIsOver = (reply: FastifyReply, { another }: { readonly another?: Html } = {}): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply.code(410), words, {
    title: say('link-over.title'),
    content: html`<h1>${say('link-over.title')}</h1>
<p>${say('link-over.text')}</p>
<p><a href="/sign-in">${say('over.sign-in')}</a></p>
${another}`,
  })
}

/** The same for an invitation into a study. `why`: what is said about it. */
export const sendInvitationIsOver = (
  reply: FastifyReply,
  words: Words,
  why: 'over.text' | 'over.tries' = 'over.text',
): FastifyReply => {
  const { say } = words
  return sendTranslatedPage(reply.code(410), words, {
    title: say('over.title'),
    content: html`<h1>${say('over.title')}</h1>
<p>${say(why)}</p>
<p><a href="/sign-in?continue=%2Fsharing">${say('over.sign-in')}</a></p>`,
  })
}
