import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Unanswerable } from '../auth/provider/provider-parts.ts'
import type { FhirError } from '../fhir/error.ts'
import { sayWhen, toldError } from '../http/errors.ts'
import { type Words, wordsFor } from '../messages/catalogue.ts'
import { nothingElseText } from './page/content-security.ts'
import { enteredTexts } from './page/entered.ts'
import { FieldError } from './page/field-error.ts'
import { refusesForm } from './page/form-token.ts'
import { allowAnyFrame, isFramable, isFramed } from './page/frame.ts'
import { type Html, html } from './page/html.ts'
import { ownTexts } from './page/keeps-typed.ts'
import { pageText, sendPage } from './page/page.ts'
import { phrase } from './page/time.ts'
import { wordsOf } from './page/translated-page.ts'

/** The same errors as everywhere, in words for people, and with what they typed into a form, whose page may no longer exist. */
export const answerErrorPage = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
  sendErrorPage(toldError(error, request), request, reply)

/** The same for an error that has been reported already. */
export const sendErrorPage = (error: FhirError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  // A form sends no precondition that could fail: what it was made from has changed.
  const status = error.status === 412 && request.method === 'POST' ? 409 : error.status
  if (status === 503) sayWhen(reply, error)
  const words = wordsOf(request)
  const { say } = words
  const key = isGone(status, request) ? 'error.gone' : keyOf(error, status, request)
  reply.header('vary', 'accept-language')
  // Any frame may show this, unless somebody is signed in; then only the EHR's may.
  if (isFramable(request) && request.session === undefined) allowAnyFrame(reply)
  return sendPage(reply.code(status), {
    title: say(key),
    words,
    content: html`<h1>${say(key)}</h1>
<p>${say(`${key}-text`)}</p>
${error instanceof FieldError && error.accepted?.length !== 0 && html`<p>${acceptedOf(error, words)}</p>`}
${enteredTexts(words, ownTexts(request))}
${isFramed(request) ? html`<p>${say('launched.again')}</p>` : html`<p><a href="/">${say('error.start')}</a></p>`}
<p class="text-body-secondary">${say('error.help', { id: request.id })}</p>`,
  })
}

const acceptedOf = ({ field, accepted }: FieldError, words: Words): Html => {
  const named = { field: html`<code>${field}</code>` }
  if (accepted === undefined) return phrase(words, 'error.field-once', named)
  const values = accepted.map((one, index) => html`${index > 0 && ', '}<code>${one}</code>`)
  return phrase(words, 'error.field-one-of', { ...named, accepted: html`${values}` })
}

/** For addresses with nothing at all, where the hooks of the pages have not run. */
export const answerNoPage = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  reply.headers({ 'content-security-policy': nothingElseText, 'referrer-policy': 'no-referrer' })
  return answerErrorPage(error, request, reply)
}

/** For a person whose app sent them with a request that cannot be answered, and not be sent back either. What is wrong is for whoever makes the app. */
export const unanswerablePage = ({ error, description, status, language }: Unanswerable): string => {
  const words = wordsFor(language)
  const { say } = words
  const key = status < 500 ? 'error.app' : status === 503 ? 'error.503' : 'error.fault'
  return pageText({
    title: say(key),
    words,
    isProblem: true,
    content: html`<h1>${say(key)}</h1>
<p>${say(`${key}-text`)}</p>
${key === 'error.app' && html`<p lang="en" dir="ltr"><code>${error}</code>: ${description}</p>`}
<p><a href="/">${say('error.start')}</a></p>`,
  })
}

/** Whether the page is gone: somebody who sends a form has seen its page. */
const isGone = (status: number, { method, session, routeOptions }: FastifyRequest): boolean =>
  (status === 404 || status === 410) && method === 'POST' && session !== undefined && routeOptions.url !== undefined

/** A form that met a fault may have been done, as where the database was lost in the middle of a commit. */
const keyOf = (error: FhirError, status: number, { method }: FastifyRequest) => {
  if (status === 403) return refusesForm(error) ? 'error.403' : 'error.forbidden'
  return told.get(status) ?? (status < 500 ? 'error.not-understood' : method === 'POST' ? 'error.doubt' : 'error.fault')
}

const told: ReadonlyMap<number, `error.${404 | 413 | 429 | 503 | 'changed'}`> = new Map([
  [404, 'error.404'],
  [410, 'error.404'],
  [409, 'error.changed'],
  [412, 'error.changed'],
  [413, 'error.413'],
  [429, 'error.429'],
  [503, 'error.503'],
])
