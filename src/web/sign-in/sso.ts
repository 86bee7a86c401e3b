import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SsoArrived } from '../../auth/sso/exchange.ts'
import { oidcCallbackPath, samlConsumerPath, samlMetadataPath } from '../../auth/sso/paths.ts'
import type { SsoRefusal, SsoRefused } from '../../auth/sso/refusal.ts'
import { type Cookies, cookieOf } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { isSecret, newSecret } from '../../storage/secret/secret.ts'
import type { AddPage } from '../page/add-page.ts'
import { ofAppRequests } from '../page/content-security.ts'
import { continuePath } from '../page/continue.ts'
import { type Html, html } from '../page/html.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'

/** Sends the browser to the identity provider, and receives it back. From there it goes on to `/sso/arrivals/…`. */
export const ssoPage: AddPage = (server, { sso, cookies }) => {
  if (sso === undefined) return
  const { protocol } = sso
  const answerArrived = (request: FastifyRequest, reply: FastifyReply, arrived: SsoArrived | SsoRefused) =>
    arrived.kind === 'refused'
      ? sendRefusal(request, reply, sso.institution, arrived)
      : reply.header('cache-control', 'no-store').redirect(`/sso/arrivals/${arrived.arrival}`, 303)
  server.get('/sso', ofAppRequests, async (request, reply) => {
    const query = queryOf(request)
    const known = ssoBrowserOf(request, cookies)
    const browser = isSecret(known) ? known : newSecret()
    const continued = continuePath(query.get('continue') ?? '')
    const isAskedAgain = query.get('prompt') === 'login'
    const begun = await protocol.begin({ request }, { browser, continued, isAskedAgain })
    if (begun.kind === 'refused') return sendRefusal(request, reply, sso.institution, { ...begun, continued })
    reply.setCookie(cookies.nameOf('sso'), browser, cookies.options)
    return reply.header('cache-control', 'no-store').redirect(begun.url, 303)
  })
  switch (protocol.kind) {
    case 'oidc':
      server.get(oidcCallbackPath, ofAppRequests, async (request, reply) =>
        answerArrived(request, reply, await protocol.finish({ request }, ssoBrowserOf(request, cookies))),
      )
      break
    case 'saml': {
      server.get(samlMetadataPath, async (_request, reply) =>
        reply.type('application/samlmetadata+xml').send(protocol.metadata()),
      )
      const config = { rateLimit, isPostedByOthers: true } as const
      const posted = { ...ofAppRequests, bodyLimit: mostResponseBytes, config }
      server.post(samlConsumerPath, posted, async (request, reply) =>
        answerArrived(request, reply, await protocol.consume(typed(request.body, 'SAMLResponse'))),
      )
    }
  }
}

/** Verifying a signature takes long, but a whole institution may come at once. */
const rateLimit = { max: 300, timeWindow: '1 minute' }

/** The length of a form; there can be many attributes. */
const mostResponseBytes = 262_144

/** The browser's secret for its sign-ins at the institution. */
export const ssoBrowserOf = (request: FastifyRequest, cookies: Cookies): string => cookieOf(request, cookies, 'sso')

/** The reason goes to the log, with the request's id. */
export const logRefused = (
  request: FastifyRequest,
  refused: { readonly kind: string; readonly reason: string },
): void =>
  request.log.warn(
    { event: 'sso-refused', refusal: refused.kind, reason: refused.reason },
    'A sign-in at the institution was refused',
  )

/** A link to sign in with a password, and go on to where they were going. */
export const toSignIn = ({ say }: Words, continued: string | undefined): Html => {
  const query = continued === undefined ? '' : `?${new URLSearchParams({ continue: continued })}`
  return html`<p><a href="/sign-in${query}">${say('sso.to-sign-in')}</a></p>`
}

/** People are told what they can do. */
const sendRefusal = (
  request: FastifyRequest,
  reply: FastifyReply,
  institution: string,
  { refusal, reason, continued }: SsoRefused,
): FastifyReply => {
  logRefused(request, { kind: refusal, reason })
  const words = wordsOf(request)
  const { say } = words
  const title = say(`sso.${refusal}.title`, { institution })
  return sendTranslatedPage(reply.code(statusOf[refusal]), words, {
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
<p>${say(`sso.${refusal}.text`, { institution })}</p>
${toSignIn(words, continued)}
<p class="text-body-secondary">${say('sso.number', { number: request.id })}</p>`,
  })
}

const statusOf: Readonly<Record<SsoRefusal, number>> = {
  unreachable: 502,
  over: 400,
  denied: 403,
  untrusted: 502,
  earlier: 403,
}
