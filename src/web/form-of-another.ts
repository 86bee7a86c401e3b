import type { FastifyReply, FastifyRequest } from 'fastify'
import { pageOf } from './page/continue.ts'
import { html } from './page/html.ts'
import { sendTranslatedPage, wordsOf } from './page/translated-page.ts'

/** Several people may share a browser: a form that one of them has filled in is not carried out in the name of another who has signed in since. */
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
