import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieOf } from '../../http/caller/session.ts'
import { seal, unseal } from '../../storage/secret/sealed.ts'
import type { PageOptions } from '../page/add-page.ts'
import { pageOf } from '../page/continue.ts'
import { isMarkedFor } from '../page/form-token.ts'
import { sendTyped } from '../page/keeps-typed.ts'
import { requireSession, sendToSignIn } from '../page/signed-in.ts'

type Kept = {
  /** The path of the page that has the form. */
  readonly page: string
  /** In ms since 1970. */
  readonly until: number
  /** What was sent. */
  readonly body: unknown
}

/**
 * Keeps what somebody chose to share if their session ended before they sent it: their browser stores it, sealed, until they have signed in
 * again. It is shown to that person and nobody else, and it signs nothing. If it is too long for a cookie, it is in the answer itself.
 */
export const openKeptChoices = ({ accounts: { secretKey }, cookies }: Pick<PageOptions, 'accounts' | 'cookies'>) => {
  const keep = async (request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
    const { body } = request
    // A form that is refused would be refused again each time the page is opened.
    const isText = Object.values(body ?? {}).every(one => typeof one === 'string')
    if (!isMarkedFor(body) || !isText) return false
    const kept: Kept = { page: pageOf(request), until: Date.now() + keptSeconds * 1000, body }
    const text = deflateRawSync(JSON.stringify(kept)).toString('base64url')
    const sealed = await seal(secretKey, 'choices of a consent', text)
    if (sealed.length > mostInCookie) return false
    reply.setCookie(cookies.nameOf('choices'), sealed, { ...cookies.options, maxAge: keptSeconds })
    return true
  }
  const open = async (sealed: string): Promise<Kept | undefined> => {
    const text = await unseal(secretKey, 'choices of a consent', sealed).catch(() => undefined)
    return text === undefined ? undefined : JSON.parse(inflateRawSync(Buffer.from(text, 'base64url')).toString())
  }
  const forget = (request: FastifyRequest, reply: FastifyReply): void => {
    if (cookieOf(request, cookies, 'choices') !== '') reply.clearCookie(cookies.nameOf('choices'), cookies.options)
  }
  return {
    /** Hooks for the forms with choices, instead of `requireSession`: a form is read only once it is known to be from our own page. */
    requireSession: {
      onRequest: async (request: FastifyRequest, reply: FastifyReply) =>
        cookieOf(request, cookies, 'form') === '' ? requireSession(request, reply) : undefined,
      preHandler: async (request: FastifyRequest, reply: FastifyReply) => {
        if (request.session !== undefined) return undefined
        return (await keep(request, reply))
          ? sendToSignIn(request, reply, { isKept: true })
          : // What was to be signed is shown again before it is.
            sendTyped(request, reply, pageOf(request))
      },
    },
    /**
     * The choices for the page, until `forget`: a browser that goes back to the form asks for them again, and by itself restores only what was
     * changed since then.
     */
    find: async (request: FastifyRequest, reply: FastifyReply, person: string): Promise<unknown> => {
      const sealed = cookieOf(request, cookies, 'choices')
      if (sealed === '') return undefined
      const kept = await open(sealed)
      const isTheirs = kept !== undefined && kept.until > Date.now() && isMarkedFor(kept.body, person)
      if (isTheirs && kept.page === pageOf(request).split('?', 1)[0]) return kept.body
      forget(request, reply)
      return undefined
    },
    forget,
  }
}

const keptSeconds = 30 * 60

/** Browsers store 4,096 bytes, including the name. */
const mostInCookie = 3800
