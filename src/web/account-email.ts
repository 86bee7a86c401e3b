import type { FastifyReply } from 'fastify'
import type { Accounts } from '../accounts/accounts.ts'
import { emailProblem } from '../accounts/email.ts'
import { askForEmail } from '../accounts/email-change.ts'
import { findUnshown, type Unshown } from '../accounts/second-factor.ts'
import { queryOf } from '../http/presentation.ts'
import { findSecondFactor } from '../storage/account/second-factor.ts'
import type { AddPage } from './add-page.ts'
import { type Field, form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { requirePassword } from './no-password.ts'
import { sendPage } from './page.ts'
import { codeField, currentPasswordField, type EmailFieldProblem, emailField } from './person-fields.ts'
import { seldom } from './sign-in.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** Where whoever is signed in asks for another e-mail address. What comes of it is decided at `/email-change`. */
export const accountEmailPage: AddPage = (server, { accounts }) => {
  const { database, mail } = accounts
  const onRequest = [requireSession, requirePassword(accounts)]
  const fieldsFor = async (person: string, asked: Asked = {}): Promise<readonly Field[]> => {
    const { authenticator } = await findSecondFactor(database, person)
    const problemOf = (field: Unshown['field']) => (asked.unshown?.field === field ? asked.unshown.answer : undefined)
    return [
      { ...emailField(asked.email ?? '', asked.problem), label: 'New e-mail address', autocomplete: 'email' },
      currentPasswordField(problemOf('password')),
      ...(authenticator === undefined ? [] : [codeField(problemOf('code'))]),
    ]
  }
  server.get('/account/email', { onRequest }, async (request, reply) => {
    if (mail === undefined) return sendAskOthers(reply)
    if (queryOf(request).has('sent')) return sendOnTheirWay(reply)
    return sendEmail(reply, await fieldsFor(sessionOf(request).person))
  })
  server.post('/account/email', { onRequest, config: { rateLimit: seldom } }, async (request, reply) => {
    if (mail === undefined) return sendAskOthers(reply.code(403))
    const { person } = sessionOf(request)
    const refused = await ask(accounts, person, request.body)
    if (refused === undefined) return reply.redirect('/account/email?sent', 303)
    return sendEmail(reply.code(isTooOften(refused) ? 429 : 422), await fieldsFor(person, refused))
  })
}

/** Undefined where all was right. */
const ask = async (accounts: Accounts, person: string, body: unknown): Promise<Asked | undefined> => {
  const email = typed(body, 'email')
  const problem = emailProblem(email)
  if (problem !== undefined) return { email, problem }
  const shown = { password: typed(body, 'password'), code: typed(body, 'code') }
  const unshown = await findUnshown(accounts, person, shown)
  if (unshown !== undefined) return { email, unshown }
  const answer = await askForEmail(accounts, person, email)
  return answer === 'asked' ? undefined : { email, problem: answer }
}

const isTooOften = ({ problem, unshown }: Asked): boolean => (problem ?? unshown?.answer) === 'too-often'

type Asked = {
  readonly email?: string
  readonly problem?: EmailFieldProblem
  readonly unshown?: Unshown
}

const sendEmail = (reply: FastifyReply, fields: readonly Field[]): FastifyReply =>
  sendPage(reply, {
    title: 'Change your e-mail address',
    isProblem: fields.some(({ problem }) => problem !== undefined),
    signOut: { token: ownToken(reply) },
    content: html`<h1>Change your e-mail address</h1>
<p>We send an e-mail to the new address and one to the old address. The new one counts when it is confirmed.</p>
${form({ action: '/account/email', token: ownToken(reply), fields, button: 'Send the e-mails' })}
<p><a href="/account">Back to your account</a></p>`,
  })

const sendOnTheirWay = (reply: FastifyReply): FastifyReply =>
  sendPage(reply, {
    title: 'Look into your e-mail',
    signOut: { token: ownToken(reply) },
    content: html`<h1>Look into your e-mail</h1>
<p>If the new address is right, a message from us arrives there in a few minutes. Open the link in it, in this browser if you can, within 30 minutes.</p>
<p>Look at your old address, too: the message there says whether you have to confirm the change there as well. Until then you sign in with the old address.</p>
<p><a href="/account">Back to your account</a></p>`,
  })

const sendAskOthers = (reply: FastifyReply): FastifyReply =>
  sendPage(reply, {
    title: 'Change your e-mail address',
    signOut: { token: ownToken(reply) },
    content: html`<h1>Change your e-mail address</h1>
<p>This site cannot send e-mail. Ask the people who run it to change your address.</p>
<p><a href="/account">Back to your account</a></p>`,
  })
