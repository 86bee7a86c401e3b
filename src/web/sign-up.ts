import type { FastifyReply } from 'fastify'
import { emailProblem } from '../accounts/email.ts'
import { askForAccount } from '../accounts/sign-up.ts'
import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { letterOnItsWay } from './letter-on-its-way.ts'
import { sendPage } from './page.ts'
import { emailField } from './person-fields.ts'
import { seldom } from './sign-in.ts'

/** Where somebody asks for an account: they are sent a link, whether or not they have one already. */
export const signUpPage: AddPage = (server, { accounts }) => {
  const isOpen = accounts.signUp === 'open'
  server.get('/sign-up', async (request, reply) => {
    if (queryOf(request).has('sent')) return sendPage(reply, letterOnItsWay)
    return isOpen ? sendSignUp(reply) : sendInvitationOnly(reply)
  })
  server.post('/sign-up', { config: { rateLimit: seldom } }, async (request, reply) => {
    if (!isOpen) return sendInvitationOnly(reply.code(403))
    const email = typed(request.body, 'email')
    const problem = emailProblem(email)
    if (problem !== undefined) return sendSignUp(reply.code(422), emailField(email, problem))
    await askForAccount(accounts, email)
    return reply.redirect('/sign-up?sent', 303)
  })
}

const sendSignUp = (reply: FastifyReply, field = emailField('', undefined)): FastifyReply =>
  sendPage(reply, {
    title: 'Create an account',
    isProblem: field.problem !== undefined,
    content: html`<h1>Create an account</h1>
<p>We send you an e-mail with a link. Open it to choose your password.</p>
${form({ action: '/sign-up', token: ownToken(reply), fields: [field], button: 'Send the e-mail' })}
<p><a href="/sign-in">I have an account already</a></p>`,
  })

const sendInvitationOnly = (reply: FastifyReply): FastifyReply =>
  sendPage(reply, {
    title: 'By invitation only',
    content: html`<h1>By invitation only</h1>
<p>To use this site you need an invitation: an e-mail with a link, or a link from the people who run your study or your clinic. Ask them for one.</p>
<p><a href="/sign-in">I have an account already</a></p>`,
  })
