import type { FastifyReply } from 'fastify'
import { type EmailProblem, emailProblem } from '../accounts/email.ts'
import { askForNewPassword } from '../accounts/new-password.ts'
import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendLetterOnItsWay } from './letter-on-its-way.ts'
import { sendOwnPage, wordsOf } from './own-page.ts'
import { emailField } from './person-fields.ts'
import { seldom } from './sign-in.ts'

/** Where somebody asks for a link to choose a new password. */
export const forgottenPasswordPage: AddPage = (server, { accounts }) => {
  server.get('/forgotten-password', async (request, reply) => {
    if (queryOf(request).has('sent')) return sendLetterOnItsWay(reply)
    return accounts.mail === undefined ? sendAskOthers(reply) : sendForgotten(reply)
  })
  server.post('/forgotten-password', { config: { rateLimit: seldom } }, async (request, reply) => {
    if (accounts.mail === undefined) return sendAskOthers(reply.code(403))
    const email = typed(request.body, 'email')
    const problem = emailProblem(email)
    if (problem !== undefined) return sendForgotten(reply.code(422), { email, problem })
    await askForNewPassword(accounts, email)
    return reply.redirect('/forgotten-password?sent', 303)
  })
}

type Asked = { readonly email: string; readonly problem: EmailProblem | undefined }

const sendForgotten = (
  reply: FastifyReply,
  { email, problem }: Asked = { email: '', problem: undefined },
): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendOwnPage(reply, words, {
    title: say('forgotten.title'),
    isProblem: problem !== undefined,
    content: html`<h1>${say('forgotten.title')}</h1>
<p>${say('forgotten.text')}</p>
${form({ action: '/forgotten-password', token: ownToken(reply), fields: [emailField(words, email, problem)], button: say('sign-up.send') })}
<p><a href="/sign-in">${say('forgotten.back')}</a></p>`,
  })
}

const sendAskOthers = (reply: FastifyReply): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendOwnPage(reply, words, {
    title: say('forgotten.title'),
    content: html`<h1>${say('forgotten.title')}</h1>
<p>${say('forgotten.ask-others')}</p>
<p><a href="/sign-in">${say('forgotten.back')}</a></p>`,
  })
}
