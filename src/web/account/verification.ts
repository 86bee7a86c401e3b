import type { FastifyReply, FastifyRequest } from 'fastify'
import { askForVerification, findVerification, verify } from '../../accounts/sign-up/verification.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { sendLetterOnItsWay } from '../sign-in/letter-on-its-way.ts'
import { sendSignInFirst } from './sign-in-first.ts'

/** Where somebody confirms that they read the mail of their address. */
export const verificationPage: AddPage = (server, { accounts }) => {
  const show = async (request: FastifyRequest, reply: FastifyReply, link: string): Promise<FastifyReply> => {
    const found = await findVerification(accounts, link)
    if (found === undefined) return sendLinkIsOver(reply)
    if (found.person !== request.session?.person)
      return sendSignInFirst(reply, { text: 'verification.sign-in', page: `/verification?link=${link}` })
    const words = wordsOf(request)
    const { say } = words
    return sendTranslatedPage(reply, words, {
      title: say('verification.title'),
      content: html`<h1>${say('verification.title')}</h1>
<p>${phrase(words, 'verification.text', { email: html`<strong>${found.email}</strong>` })}</p>
${form({ action: '/verification', token: ownToken(reply), hidden: { link }, fields: [], button: say('verification.yes') })}`,
    })
  }
  server.get('/verification', async (request, reply) => show(request, reply, queryOf(request).get('link') ?? ''))
  server.post('/verification', { config: { isForAnybody: true } }, async (request, reply) => {
    const link = typed(request.body, 'link')
    return (await verify(accounts, link, request.session?.person))
      ? reply.redirect('/account?done=verified', 303)
      : show(request, reply, link)
  })
  server.post('/account/verification', { onRequest: requireSession }, async (request, reply) => {
    await askForVerification(accounts, sessionOf(request).person)
    return sendLetterOnItsWay(reply)
  })
}
