import { askForVerification, findVerification, verify } from '../accounts/verification.ts'
import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendLetterOnItsWay } from './letter-on-its-way.ts'
import { sendLinkIsOver } from './link-is-over.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { phrase } from './time.ts'

/** Where somebody says that they read the mail of their address. */
export const verificationPage: AddPage = (server, { accounts }) => {
  server.get('/verification', async (request, reply) => {
    const link = queryOf(request).get('link') ?? ''
    const email = await findVerification(accounts, link)
    if (email === undefined) return sendLinkIsOver(reply)
    const words = wordsOf(request)
    const { say } = words
    return sendOwnPage(reply, words, {
      title: say('verification.title'),
      content: html`<h1>${say('verification.title')}</h1>
<p>${phrase(words, 'verification.text', { email: html`<strong>${email}</strong>` })}</p>
${form({ action: '/verification', token: ownToken(reply), hidden: { link }, fields: [], button: say('verification.yes') })}`,
    })
  })
  server.post('/verification', async (request, reply) =>
    (await verify(accounts, typed(request.body, 'link')))
      ? reply.redirect('/account?done=verified', 303)
      : sendLinkIsOver(reply),
  )
  server.post('/account/verification', { onRequest: requireSession }, async (request, reply) => {
    await askForVerification(accounts, sessionOf(request).person)
    return sendLetterOnItsWay(reply)
  })
}
