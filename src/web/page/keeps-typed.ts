import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieOf } from '../../http/caller/session.ts'
import type { PageOptions } from './add-page.ts'
import { isMarkedFor } from './form-token.ts'
import { html } from './html.ts'
import { isFileLeftOut } from './sent-file.ts'
import { requireSession, sendToSignIn } from './signed-in.ts'
import { sendTranslatedPage, wordsOf } from './translated-page.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether something is typed into its form. */
    readonly isTyped?: boolean
  }
}

/**
 * Hooks for a form into which people type, instead of `requireSession`. If their session has ended, they get back what they sent in the answer
 * itself, to send it again once they have signed in. It is stored nowhere else, and accepted only from the person for whom the form was made.
 * The form is read only once it is known to be from our own page.
 */
export const keepsTyped = ({ cookies }: Pick<PageOptions, 'cookies'>) => ({
  config: { isTyped: true },
  onRequest: async (request: FastifyRequest, reply: FastifyReply) =>
    cookieOf(request, cookies, 'form') === '' ? requireSession(request, reply) : undefined,
  preHandler: async (request: FastifyRequest, reply: FastifyReply) =>
    request.session === undefined ? sendTyped(request, reply) : undefined,
})

/** `action`: where to send it again, if not to the same address. */
export const sendTyped = (request: FastifyRequest, reply: FastifyReply, action = request.url): FastifyReply => {
  const { body } = request
  const fields = fieldsOf(body)
  if (!isMarkedFor(body) || fields.some(isSecret)) return sendToSignIn(request, reply)
  const words = wordsOf(request)
  const { say } = words
  const title = say('typed.title')
  const signIn = new URLSearchParams({ continue: '/account?done=again' })
  return sendTranslatedPage(reply.code(401), words, {
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
<p>${say('typed.text')}</p>
${isFileLeftOut(body) && html`<p>${say('typed.file')}</p>`}
<ol>
<li class="mb-4"><p>${say('typed.first')}</p>
<p><a class="btn btn-primary" href="/sign-in?${signIn.toString()}" target="_blank" rel="noopener">${say('typed.sign-in')}</a></p></li>
<li><p>${say('typed.then')}</p>
<form method="post" action="${action}">
${fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<button class="btn btn-outline-primary">${say('typed.send')}</button>
</form></li>
</ol>`,
  })
}

/** The texts of several words in a form, if it was made for the person who is signed in. */
export const ownTexts = ({ body, headers, session, routeOptions }: FastifyRequest): readonly string[] =>
  routeOptions.config.isTyped &&
  session !== undefined &&
  isMarkedFor(body, session.person) &&
  // Something that another site sent may be marked as well.
  (headers['sec-fetch-site'] ?? 'same-origin') === 'same-origin'
    ? fieldsOf(body).flatMap(one => (isSecret(one) || !/\S\s+\S/.test(one[1]) ? [] : [one[1].trim()]))
    : []

/** Everything that was sent except files; of several boxes with one name, each that was ticked. */
const fieldsOf = (body: unknown): readonly (readonly [name: string, value: string])[] =>
  Object.entries(body ?? {}).flatMap(([name, value]) =>
    [value].flat().flatMap(one => (typeof one === 'string' ? [[name, one] as const] : [])),
  )

/** Values that no page shows again, so that they must be typed again. */
const isSecret = ([name, value]: readonly [name: string, value: string]): boolean => secrets.has(name) && value !== ''
const secrets: ReadonlySet<string> = new Set(['password', 'secret'])
