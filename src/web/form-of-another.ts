import type { FastifyReply, FastifyRequest } from 'fastify'
import { pageOf } from './page/continue.ts'
import { html } from './page/html.ts'
import { sendTranslatedPage, wordsOf } from './page/translated-page.ts'

/** Several people may share a browser: what one has filled in is not done in the name of who has signed in since. */
export const sendFormOfAnother = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  const back = new URLSearchParams({ continue: pageOf(request), prompt: 'login' })
  return sendTranslatedPage(reply.code(409), words, {
    title: say('another.title'),
    isProblem: true,
    content: html`<h1>${say('another.title')}</h1>
<p>${say('another.text')}</p>
<p><a class="btn btn-primary" href="/sign-in?${back.toString()}">${say('another.sign-in')}</a></p>`,
  })
}
