import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SsoArrived } from '../auth/sso/exchange.ts'
import { oidcCallbackPath, samlConsumerPath, samlMetadataPath } from '../auth/sso/paths.ts'
import type { SsoRefusal, SsoRefused } from '../auth/sso/refusal.ts'
import { queryOf } from '../http/presentation.ts'
import { type Cookies, cookieOf } from '../http/session.ts'
import { isSecret, newSecret } from '../storage/secret.ts'
import type { AddPage } from './add-page.ts'
import { ofAppRequests } from './content-security.ts'
import { continuePath } from './continue.ts'
import { typed } from './form.ts'
import { html } from './html.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'
import { seldom } from './sign-in.ts'

/** Sends the browser to the identity provider, and takes it back. Who has come is then `/sso/arrivals/…`. */
export const ssoPage: AddPage = (server, { sso, cookies }) => {
  if (sso === undefined) return
  const { protocol } = sso
  const answerArrived = (request: FastifyRequest, reply: FastifyReply, arrived: SsoArrived | SsoRefused) =>
    arrived.kind === 'refused'
      ? sendRefusal(request, reply, sso.institution, arrived)
      : reply.header('cache-control', 'no-store').redirect(`/sso/arrivals/${arrived.arrival}`, 303)
  const settings = { ...ofAppRequests, config: { rateLimit: seldom } }
  server.get('/sso', settings, async (request, reply) => {
    const query = queryOf(request)
    const known = ssoBrowserOf(request, cookies)
    const browser = isSecret(known) ? known : newSecret()
    const begun = await protocol.begin(
      { request },
      { browser, continued: continuePath(query.get('continue') ?? ''), isAskedAgain: query.get('prompt') === 'login' },
    )
    if (begun.kind === 'refused') return sendRefusal(request, reply, sso.institution, begun)
    reply.setCookie(cookies.nameOf('sso'), browser, cookies.options)
    return reply.header('cache-control', 'no-store').redirect(begun.url, 303)
  })
  switch (protocol.kind) {
    case 'oidc':
      server.get(oidcCallbackPath, settings, async (request, reply) =>
        answerArrived(request, reply, await protocol.finish({ request }, ssoBrowserOf(request, cookies))),
      )
      break
    case 'saml': {
      server.get(samlMetadataPath, async (_request, reply) =>
        reply.type('application/samlmetadata+xml').send(protocol.metadata()),
      )
      const config = { rateLimit: seldom, isPostedByOthers: true } as const
      const posted = { ...ofAppRequests, bodyLimit: mostResponseBytes, config }
      server.post(samlConsumerPath, posted, async (request, reply) =>
        answerArrived(request, reply, await protocol.consume(typed(request.body, 'SAMLResponse'))),
      )
    }
  }
}

/** Of a form; attributes can be many. */
const mostResponseBytes = 262_144

/** What the browser keeps of its sign-ins at the institution. */
export const ssoBrowserOf = (request: FastifyRequest, cookies: Cookies): string => cookieOf(request, cookies, 'sso')

/** The log is told why, by the request's id; people, what they can do. */
const sendRefusal = (
  request: FastifyRequest,
  reply: FastifyReply,
  institution: string,
  { refusal, reason }: SsoRefused,
): FastifyReply => {
  request.log.warn({ event: 'sso-refused', refusal, reason }, 'A sign-in at the institution was refused')
  const words = wordsOf(request)
  const { say } = words
  const title = say(`sso.${refusal}.title`, { institution })
  return sendOwnPage(reply.code(statusOf[refusal]), words, {
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
<p>${say(`sso.${refusal}.text`)}</p>
<p><a href="/sign-in">${say('sso.to-sign-in')}</a></p>
<p class="text-body-secondary">${say('sso.number', { number: request.id })}</p>`,
  })
}

const statusOf: Readonly<Record<SsoRefusal, number>> = { unreachable: 502, over: 400, denied: 403, untrusted: 502 }
