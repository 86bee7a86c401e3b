import type { FastifyReply } from 'fastify'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import {
  findNewAccountLink,
  makeAccount,
  type NewAccountLink,
  type NewAccountProblems,
} from '../../accounts/sign-up/new-account.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'
import { seldom } from '../page/page-limits.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { enter } from './entering.ts'
import { emailField, nameField, newPasswordField } from './person-fields.ts'

/** Where a link that makes an account leads. Opening it uses nothing up. */
export const newAccountPage: AddPage = (server, options) => {
  const { accounts } = options
  server.get('/new-account', async (request, reply) => {
    const link = queryOf(request).get('link') ?? ''
    const invitation = await findNewAccountLink(accounts, link)
    return invitation === undefined ? sendLinkIsOver(reply) : sendNewAccount(reply, { link, invitation })
  })
  server.post('/new-account', { config: { rateLimit: seldom, isForAnybody: true } }, async (request, reply) => {
    const { body } = request
    const [link, name, email] = [typed(body, 'link'), typed(body, 'name'), typed(body, 'email')]
    const device = deviceOf(request.headers['user-agent'])
    const { code: language } = wordsOf(request)
    const password = typedSecret(body, 'password')
    const answer = await makeAccount(accounts, link, { name, email, password, device, language })
    switch (answer.kind) {
      case 'signed-in':
        await enter(request, reply, options, answer.cookie)
        return reply.redirect('/account?done=account', 303)
      case 'link-is-over':
        return sendLinkIsOver(reply)
      case 'problems': {
        const { invitation, problems } = answer
        return sendNewAccount(reply.code(422), { link, invitation, name, email, problems })
      }
    }
  })
}

type Shown = {
  readonly link: string
  readonly invitation: NewAccountLink
  readonly name?: string
  readonly email?: string
  readonly problems?: NewAccountProblems
}

const sendNewAccount = (reply: FastifyReply, { link, invitation, name, email, problems = {} }: Shown): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const title = invitation.administrator ? say('new-account.administrator') : say('new-account.title')
  const intro = invitation.administrator
    ? html`<p>${say('new-account.administrator-text')}</p>`
    : html`<p>${phrase(words, 'account.new', { email: html`<strong>${invitation.email}</strong>` })}</p>`
  return sendTranslatedPage(reply, words, {
    title,
    address: `/new-account?link=${link}`,
    isProblem: Object.keys(problems).length > 0,
    content: html`<h1>${title}</h1>
${intro}
${
  invitation.email !== undefined &&
  problems.email &&
  notice(
    'problem',
    html`<p>${say(`field.email-${problems.email}`)}</p>
<p><a href="/forgotten-password">${say('new-account.not-mine')}</a></p>`,
  )
}
${form({
  action: '/new-account',
  token: ownToken(reply),
  problemTitle: say('check'),
  hidden: { link },
  account: invitation.email,
  fields: [
    nameField(words, name ?? '', problems.name),
    ...(invitation.email === undefined ? [emailField(words, email ?? '', problems.email)] : []),
    { ...newPasswordField(words, 'password', problems.password), label: say('field.password') },
  ],
  button: say('new-account.create'),
})}`,
  })
}
