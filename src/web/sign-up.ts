import type { FastifyReply } from 'fastify'
import { type EmailProblem, emailProblem } from '../accounts/email.ts'
import { askForAccount } from '../accounts/sign-up.ts'
import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendLetterOnItsWay } from './letter-on-its-way.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'
import { emailField } from './person-fields.ts'
import { seldom } from './sign-in.ts'

/** Where somebody asks for an account: they are sent a link, whether or not they have one already. */
export const signUpPage: AddPage = (server, { accounts }) => {
  const isOpen = accounts.signUp === 'open'
  server.get('/sign-up', async (request, reply) => {
    if (queryOf(request).has('sent')) return sendLetterOnItsWay(reply)
    return isOpen ? sendSignUp(reply) : sendInvitationOnly(reply)
  })
  server.post('/sign-up', { config: { rateLimit: seldom } }, async (request, reply) => {
    if (!isOpen) return sendInvitationOnly(reply.code(403))
    const email = typed(request.body, 'email')
    const problem = emailProblem(email)
    if (problem !== undefined) return sendSignUp(reply.code(422), { email, problem })
    await askForAccount(accounts, email, wordsOf(request))
    return reply.redirect('/sign-up?sent', 303)
  })
}

type Asked = { readonly email: string; readonly problem: EmailProblem | undefined }

const sendSignUp = (
  reply: FastifyReply,
  { email, problem }: Asked = { email: '', problem: undefined },
): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendOwnPage(reply, words, {
    title: say('sign-up.title'),
    isProblem: problem !== undefined,
    content: html`<h1>${say('sign-up.title')}</h1>
<p>${say('sign-up.text')}</p>
${form({ action: '/sign-up', token: ownToken(reply), fields: [emailField(words, email, problem)], button: say('sign-up.send') })}
<p><a href="/sign-in">${say('sign-up.have-one')}</a></p>`,
  })
}

const sendInvitationOnly = (reply: FastifyReply): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendOwnPage(reply, words, {
    title: say('sign-up.invitation-only'),
    content: html`<h1>${say('sign-up.invitation-only')}</h1>
<p>${say('sign-up.invitation-text')}</p>
<p><a href="/sign-in">${say('sign-up.have-one')}</a></p>`,
  })
}
