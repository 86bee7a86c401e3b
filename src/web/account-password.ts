import type { FastifyReply } from 'fastify'
import { changeOwnPassword, type OwnPasswordAnswer } from '../accounts/own-password.ts'
import type { AddPage } from './add-page.ts'
import { form, ticked, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { requirePassword } from './no-password.ts'
import { sendPage } from './page.ts'
import { currentPasswordField, newPasswordField } from './person-fields.ts'
import { seldom } from './sign-in.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** Where whoever is signed in chooses another password. */
export const accountPasswordPage: AddPage = (server, { accounts }) => {
  const onRequest = [requireSession, requirePassword(accounts)]
  server.get('/account/password', { onRequest }, async (_request, reply) => sendPassword(reply))
  server.post('/account/password', { onRequest, config: { rateLimit: seldom } }, async (request, reply) => {
    const { body } = request
    const answer = await changeOwnPassword(accounts, sessionOf(request), {
      current: typed(body, 'password'),
      next: typed(body, 'new-password'),
      endsApps: ticked(body, 'end-apps').length > 0,
    })
    if (answer.kind === 'changed') return reply.redirect('/account?done=password', 303)
    return sendPassword(reply.code(answer.kind === 'too-often' ? 429 : 422), answer)
  })
}

const sendPassword = (reply: FastifyReply, answer?: Exclude<OwnPasswordAnswer, { kind: 'changed' }>): FastifyReply => {
  const current = answer?.kind === 'wrong' || answer?.kind === 'too-often' ? answer.kind : undefined
  const problem = answer?.kind === 'problem' ? answer.problem : undefined
  return sendPage(reply, {
    title: 'Change your password',
    isProblem: answer !== undefined,
    signOut: { token: ownToken(reply) },
    content: html`<h1>Change your password</h1>
<p>You will be signed out everywhere else.</p>
${form({
  action: '/account/password',
  token: ownToken(reply),
  fields: [currentPasswordField(current), newPasswordField('new-password', problem, 'New password')],
  tick: {
    name: 'end-apps',
    label: 'Somebody else may know my password: also end what apps are allowed to do',
  },
  button: 'Save the password',
})}
<p><a href="/account">Back to your account</a></p>`,
  })
}
