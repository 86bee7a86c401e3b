import type { FastifyReply } from 'fastify'
import { choosePassword, findAccountOfLink } from '../../accounts/password/new-password.ts'
import type { PasswordProblem } from '../../accounts/password/password-rules.ts'
import { clearSessionCookie } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'
import { seldom } from '../page/page-limits.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { knowBrowserOf } from './known-browser.ts'
import { newPasswordField } from './person-fields.ts'

/** Where a link leads with which somebody chooses a password. Opening it uses nothing up. */
export const newPasswordPage: AddPage = (server, options) => {
  const { accounts, cookies } = options
  server.get('/new-password', async (request, reply) => {
    const link = queryOf(request).get('link') ?? ''
    const account = await findAccountOfLink(accounts, link)
    return account === undefined ? sendIsOver(reply) : sendNewPassword(reply, { link, email: account.email })
  })
  server.post('/new-password', { config: { rateLimit: seldom, isForAnybody: true } }, async (request, reply) => {
    const link = typed(request.body, 'link')
    const account = await findAccountOfLink(accounts, link)
    if (account === undefined) return sendIsOver(reply)
    const answer = await choosePassword(accounts, link, typedSecret(request.body, 'password'))
    switch (answer.kind) {
      case 'changed':
        clearSessionCookie(reply, cookies)
        // Others may go on trying wrong passwords meanwhile.
        await knowBrowserOf(request, reply, options, account.person)
        return reply.redirect('/sign-in?new-password', 303)
      case 'link-is-over':
        return sendIsOver(reply)
      case 'problem':
        return sendNewPassword(reply.code(422), { link, email: account.email, problem: answer.problem })
    }
  })
}

/** Half an hour passes quickly, and somebody without a password gets no further at the sign-in. */
const sendIsOver = (reply: FastifyReply): FastifyReply => {
  const { say } = wordsOf(reply.request)
  return sendLinkIsOver(reply, {
    another: html`<p><a href="/forgotten-password">${say('sign-in.forgotten')}</a></p>`,
  })
}

type Shown = { readonly link: string; readonly email: string; readonly problem?: PasswordProblem }

const sendNewPassword = (reply: FastifyReply, { link, email, problem }: Shown): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('new-password.title'),
    address: `/new-password?link=${link}`,
    isProblem: problem !== undefined,
    content: html`<h1>${say('new-password.title')}</h1>
<p>${phrase(words, 'new-password.text', { email: html`<strong>${email}</strong>` })}</p>
${form({
  action: '/new-password',
  token: ownToken(reply),
  problemTitle: say('check'),
  hidden: { link },
  account: email,
  fields: [newPasswordField(words, 'password', problem)],
  button: say('new-password.save'),
})}`,
  })
}
