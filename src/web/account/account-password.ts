import type { FastifyReply } from 'fastify'
import { changeOwnPassword, type OwnPasswordAnswer } from '../../accounts/password/own-password.ts'
import type { AddPage } from '../page/add-page.ts'
import { box, form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { seldom } from '../page/page-limits.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { ticked, typedSecret } from '../page/typed.ts'
import { knowBrowserOf } from '../sign-in/known-browser.ts'
import { requirePassword } from '../sign-in/no-password.ts'
import { currentPasswordField, newPasswordField } from '../sign-in/person-fields.ts'

/** Where somebody who is signed in chooses another password. */
export const accountPasswordPage: AddPage = (server, options) => {
  const { accounts } = options
  const onRequest = [requireSession, requirePassword(accounts)]
  server.get('/account/password', { onRequest }, async (_request, reply) => sendPassword(reply))
  server.post('/account/password', { onRequest, config: { rateLimit: seldom } }, async (request, reply) => {
    const { body } = request
    const endsApps = ticked(body, 'end-apps').length > 0
    const answer = await changeOwnPassword(accounts, sessionOf(request), {
      current: typedSecret(body, 'password'),
      next: typedSecret(body, 'new-password'),
      endsApps,
    })
    if (answer.kind === 'changed') {
      await knowBrowserOf(request, reply, options, sessionOf(request).person)
      return reply.redirect('/account?done=password', 303)
    }
    return sendPassword(reply.code(answer.current === 'too-often' ? 429 : 422), { ...answer, endsApps })
  })
}

type Refused = Exclude<OwnPasswordAnswer, { kind: 'changed' }> & { readonly endsApps: boolean }

const sendPassword = (reply: FastifyReply, refused?: Refused): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('own.password'),
    isProblem: refused !== undefined,
    content: html`<h1>${say('own.password')}</h1>
<p>${say('own.password-text')}</p>
${form({
  action: '/account/password',
  token: ownToken(reply),
  problemTitle: say('check'),
  fields: [currentPasswordField(words, refused?.current), newPasswordField(words, 'new-password', refused?.next)],
  more: box({
    type: 'checkbox',
    name: 'end-apps',
    value: 'yes',
    label: say('own.password-apps'),
    isChosen: refused?.endsApps,
  }),
  button: say('new-password.save'),
})}
<p><a href="/account">${say('own.back')}</a></p>`,
  })
}
