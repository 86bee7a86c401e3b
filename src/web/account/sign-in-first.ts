import type { FastifyReply } from 'fastify'
import type { Key } from '../../messages/catalogue.ts'
import { html } from '../page/html.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'

/** For links to an address that may have been mistyped: whoever else reads its mail has no account here that they could open. */
export const sendSignInFirst = (reply: FastifyReply, { text, page }: { text: Key; page: string }): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const query = new URLSearchParams({ continue: page, prompt: 'login' })
  const title = say('email.sign-in-first')
  return sendTranslatedPage(reply, words, {
    title,
    content: html`<h1>${title}</h1>
<p>${say(text)}</p>
<p>${say('email.asked-nothing')}</p>
<p><a href="/sign-in?${query.toString()}">${say('sign-in.title')}</a></p>`,
  })
}
