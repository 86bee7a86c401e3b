import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Words, wordsFor } from '../../messages/catalogue.ts'
import { ownToken } from './form-token.ts'
import type { Html } from './html.ts'
import { sendPage } from './page.ts'

/** The words in the language that the browser asks for. */
export const wordsOf = (request: FastifyRequest): Words => wordsFor(request.headers['accept-language'])

type TranslatedPage = {
  readonly title: string
  readonly content: Html
  readonly isProblem?: boolean
  readonly address?: string
}

/** A page that patients see, in the language of `words`. Caches must store it for that language only. */
export const sendTranslatedPage = (reply: FastifyReply, words: Words, page: TranslatedPage): FastifyReply => {
  reply.header('vary', 'accept-language')
  const isSignedIn = reply.request.session !== undefined
  return sendPage(reply, { ...page, words, ...(isSignedIn && { signOut: { token: ownToken(reply) } }) })
}
