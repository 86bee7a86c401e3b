import type { FastifyReply, FastifyRequest } from 'fastify'
import { toldError } from '../http/errors.ts'
import { html } from './html.ts'
import { pageText, sendPage } from './page.ts'

/** The same errors as everywhere, in words for people. */
export const answerErrorPage = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const { status } = toldError(error, request)
  const [title, text] = words[status] ?? (status < 500 ? notUnderstood : ourFault)
  return sendPage(reply.code(status), {
    title,
    content: html`<h1>${title}</h1>
<p>${text}</p>
<p><a href="/">Go to the start</a></p>
<p class="text-body-secondary">If you ask somebody for help, give them this number: ${request.id}</p>`,
  })
}

/** For whoever was sent here by an app whose request cannot be answered, nor sent back. */
export const unanswerablePage = (error: string, description: string): string =>
  pageText({
    title: 'This app’s request cannot be answered',
    isProblem: true,
    content: html`<h1>This app’s request cannot be answered</h1>
<p>Nothing was allowed. Go back to the app and start there again. If that does not help, tell whoever makes the app:</p>
<p><code>${error}</code>: ${description}</p>
<p><a href="/account">Go to your account</a></p>`,
  })

type Words = readonly [title: string, text: string]

const ourFault: Words = ['Something went wrong', 'This is our mistake, not yours. Please try again in a few minutes.']
const notUnderstood: Words = [
  'That did not work',
  'We could not understand what your browser sent. Please go back and try again.',
]

const words: Readonly<Record<number, Words>> = {
  403: [
    'Please send that again',
    'The page was open for too long, or your browser keeps no cookies for this site. Go back, reload the page, and try again.',
  ],
  404: ['There is no such page', 'The address may be mistyped, or the page is no longer there.'],
  429: ['Too many requests', 'Many requests came from your network. Please wait a minute and try again.'],
  503: ['We cannot answer at the moment', 'Please try again in a few minutes.'],
}
