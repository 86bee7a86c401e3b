import type { FastifyReply } from 'fastify'
import { emailProblem } from '../accounts/email.ts'
import { askForNewPassword } from '../accounts/new-password.ts'
import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { letterOnItsWay } from './letter-on-its-way.ts'
import { sendPage } from './page.ts'
import { emailField } from './person-fields.ts'
import { seldom } from './sign-in.ts'

/** Where somebody asks for a link to choose a new password. */
export const forgottenPasswordPage: AddPage = (server, { accounts }) => {
  server.get('/forgotten-password', async (request, reply) => {
    if (queryOf(request).has('sent')) return sendPage(reply, letterOnItsWay)
    return accounts.mail === undefined ? sendAskOthers(reply) : sendForgotten(reply)
  })
  server.post('/forgotten-password', { config: { rateLimit: seldom } }, async (request, reply) => {
    if (accounts.mail === undefined) return sendAskOthers(reply.code(403))
    const email = typed(request.body, 'email')
    const problem = emailProblem(email)
    if (problem !== undefined) return sendForgotten(reply.code(422), emailField(email, problem))
    await askForNewPassword(accounts, email)
    return reply.redirect('/forgotten-password?sent', 303)
  })
}

const sendForgotten = (reply: FastifyReply, field = emailField('', undefined)): FastifyReply =>
  sendPage(reply, {
    title: 'Choose a new password',
    isProblem: field.problem !== undefined,
    content: html`<h1>Choose a new password</h1>
<p>We send an e-mail with a link to the address that you sign in with. It works for 30 minutes.</p>
${form({ action: '/forgotten-password', token: ownToken(reply), fields: [field], button: 'Send the e-mail' })}
<p><a href="/sign-in">Go back to sign-in</a></p>`,
  })

const sendAskOthers = (reply: FastifyReply): FastifyReply =>
  sendPage(reply, {
    title: 'Choose a new password',
    content: html`<h1>Choose a new password</h1>
<p>This site cannot send e-mail. Ask the people who run it for a link to choose a new password.</p>
<p><a href="/sign-in">Go back to sign-in</a></p>`,
  })
