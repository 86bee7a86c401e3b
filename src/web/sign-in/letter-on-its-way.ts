import type { FastifyReply } from 'fastify'
import { html } from '../page/html.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'

/** The same page whether a letter was sent or not, and whatever is in it. */
export const sendLetterOnItsWay = (reply: FastifyReply): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('letter-sent.title'),
    content: html`<h1>${say('letter-sent.title')}</h1>
<p>${say('letter-sent.text')}</p>
<h2>${say('letter-sent.nothing')}</h2>
<ul>
<li>${say('letter-sent.junk')}</li>
<li>${say('letter-sent.address')}</li>
<li>${say('letter-sent.wait')}</li>
</ul>
<p><a href="/sign-in">${say('over.sign-in')}</a></p>`,
  })
}
