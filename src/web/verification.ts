import { askForVerification, findVerification, verify } from '../accounts/verification.ts'
import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { letterOnItsWay } from './letter-on-its-way.ts'
import { sendLinkIsOver } from './link-is-over.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** Where somebody says that they read the mail of their address. */
export const verificationPage: AddPage = (server, { accounts }) => {
  server.get('/verification', async (request, reply) => {
    const link = queryOf(request).get('link') ?? ''
    const email = await findVerification(accounts, link)
    if (email === undefined) return sendLinkIsOver(reply)
    return sendPage(reply, {
      title: 'Confirm your e-mail address',
      content: html`<h1>Confirm your e-mail address</h1>
<p>Is <strong>${email}</strong> your e-mail address, and is the Sharewell account with it yours?</p>
${form({ action: '/verification', token: ownToken(reply), hidden: { link }, fields: [], button: 'Yes, both are mine' })}`,
    })
  })
  server.post('/verification', async (request, reply) =>
    (await verify(accounts, typed(request.body, 'link')))
      ? reply.redirect('/account?done=verified', 303)
      : sendLinkIsOver(reply),
  )
  server.post('/account/verification', { onRequest: requireSession }, async (request, reply) => {
    await askForVerification(accounts, sessionOf(request).person)
    return sendPage(reply, letterOnItsWay)
  })
}
