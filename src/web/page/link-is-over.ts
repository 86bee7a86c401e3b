import type { FastifyReply, FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import type { InvitationEnd } from '../../storage/study/invitation-end.ts'
import { type Html, html } from './html.ts'
import { moment, phrase } from './time.ts'
import { sendTranslatedPage, wordsOf } from './translated-page.ts'

type LinkEnd = {
  /** How to get a new one, if people can ask for it themselves. */
  readonly another?: Html
  /** False for the links of others, which are in no message. */
  readonly isOfMessage?: boolean
}

/** For links that were used, are too old, or never existed. */
export const sendLinkIsOver = (reply: FastifyReply, { another, isOfMessage = true }: LinkEnd = {}): FastifyReply => {
  const { request } = reply
  const words = wordsOf(request)
  const { say } = words
  const isWithout = isOfMessage && request.method === 'GET' && !queryOf(request).has('link')
  if (isWithout) return sendWithoutLink(reply, words, another)
  return send(reply, words, {
    title: say('link-over.title'),
    content: html`<p>${say('link-over.text')}</p>
${wayOn(request, words)}
${another}`,
  })
}

/** The same for an invitation into a study, with how it ended if that is known. */
export const sendInvitationIsOver = (reply: FastifyReply, words: Words, end?: InvitationEnd): FastifyReply => {
  const { say } = words
  const when =
    end?.at && phrase(words, end.kind === 'expired' ? 'over.expired' : 'over.ended', { at: moment(end.at, words) })
  return send(reply, words, {
    title: say('over.title'),
    content: html`${when && html`<p>${when}</p>`}
<p>${say(end?.kind === 'tries' ? 'over.tries' : 'over.text')}</p>
${wayOn(reply.request, words, { page: '/sharing', name: 'own.sharing' })}`,
  })
}

/** Somebody who reloads the answer to a form, or comes back to it later, is without the link that it was opened with: it may still work. */
export const sendWithoutLink = (reply: FastifyReply, words: Words, another?: Html): FastifyReply => {
  const { say } = words
  return send(reply, words, {
    title: say('over.none-title'),
    content: html`<p>${say('over.none')}</p>
${wayOn(reply.request, words)}
${another}`,
  })
}

/** Where it goes on: for whoever is signed in already, without asking them to do that. */
const wayOn = (
  { session }: FastifyRequest,
  { say }: Words,
  to?: { readonly page: string; readonly name: Key },
): Html => {
  const { page, name } = to ?? { page: '/account', name: 'email.to-account' }
  if (session !== undefined)
    return html`<p>${say('over.signed-in')}</p>
<p><a href="${page}">${say(name)}</a></p>`
  const query = to === undefined ? '' : `?${new URLSearchParams({ continue: page })}`
  return html`<p><a href="/sign-in${query}">${say('over.sign-in')}</a></p>`
}

const send = (
  reply: FastifyReply,
  words: Words,
  { title, content }: { readonly title: string; readonly content: Html },
): FastifyReply =>
  sendTranslatedPage(reply.code(410), words, {
    title,
    content: html`<h1>${title}</h1>
${content}`,
  })
