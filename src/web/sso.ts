import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SsoArrived } from '../auth/sso/exchange.ts'
import { oidcCallbackPath } from '../auth/sso/oidc.ts'
import type { SsoRefusal, SsoRefused } from '../auth/sso/refusal.ts'
import { samlConsumerPath, samlMetadataPath } from '../auth/sso/saml.ts'
import { queryOf } from '../http/presentation.ts'
import { type Cookies, cookieOf } from '../http/session.ts'
import { isSecret, newSecret } from '../storage/secret.ts'
import type { AddPage } from './add-page.ts'
import { continuePath } from './continue.ts'
import { typed } from './form.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { seldom } from './sign-in.ts'

/** Sends the browser to the identity provider, and takes it back. Who has come is then `/sso/arrivals/…`. */
export const ssoPage: AddPage = (server, { sso, cookies }) => {
  if (sso === undefined) return
  const { protocol } = sso
  const answerArrived = (request: FastifyRequest, reply: FastifyReply, arrived: SsoArrived | SsoRefused) =>
    arrived.kind === 'refused'
      ? sendRefusal(request, reply, sso.institution, arrived)
      : reply.header('cache-control', 'no-store').redirect(`/sso/arrivals/${arrived.arrival}`, 303)
  server.get('/sso', { config: { rateLimit: seldom } }, async (request, reply) => {
    const query = queryOf(request)
    const known = ssoBrowserOf(request, cookies)
    const browser = isSecret(known) ? known : newSecret()
    const begun = await protocol.begin(
      { request, reply },
      { browser, continued: continuePath(query.get('continue') ?? ''), isAskedAgain: query.get('prompt') === 'login' },
    )
    if (begun.kind === 'refused') return sendRefusal(request, reply, sso.institution, begun)
    reply.setCookie(cookies.nameOf('sso'), browser, cookies.options)
    return reply.header('cache-control', 'no-store').redirect(begun.url, 303)
  })
  switch (protocol.kind) {
    case 'oidc':
      server.get(oidcCallbackPath, { config: { rateLimit: seldom } }, async (request, reply) =>
        answerArrived(request, reply, await protocol.finish({ request, reply }, ssoBrowserOf(request, cookies))),
      )
      break
    case 'saml': {
      server.get(samlMetadataPath, async (_request, reply) =>
        reply.type('application/samlmetadata+xml').send(protocol.metadata()),
      )
      const posted = { bodyLimit: mostResponseBytes, config: { rateLimit: seldom, isPostedByOthers: true } } as const
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
  const [status, title, text] = words[refusal]
  return sendPage(reply.code(status), {
    title: title(institution),
    isProblem: true,
    content: html`<h1>${title(institution)}</h1>
<p>${text}</p>
<p><a href="/sign-in">Go to sign-in</a></p>
<p class="text-body-secondary">If you ask somebody for help, give them this number: ${request.id}</p>`,
  })
}

type Words = readonly [status: number, title: (institution: string) => string, text: string]

const words: Readonly<Record<SsoRefusal, Words>> = {
  unreachable: [
    502,
    institution => `${institution} does not answer`,
    'We could not ask it how to go on. Try again in a few minutes, or sign in with your password here.',
  ],
  over: [
    400,
    () => 'This sign-in is over',
    'It was used already, took longer than ten minutes, or was begun in another browser. Begin again.',
  ],
  denied: [
    403,
    institution => `${institution} said no`,
    'It did not sign you in. Begin again, or ask the people there who look after your account.',
  ],
  untrusted: [
    502,
    () => 'We could not make sure who you are',
    'What came back cannot be trusted, so nobody was signed in. Begin again, or ask your administrator.',
  ],
}
