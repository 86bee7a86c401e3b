import type { FastifyReply } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import type { Unshown } from '../../accounts/sign-in/shown-again.ts'
import { emailProblem } from '../../accounts/sign-up/email.ts'
import { askForEmail } from '../../accounts/sign-up/email-change.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findSecondFactor } from '../../storage/account/second-factor.ts'
import type { Session } from '../../storage/account/session.ts'
import { findAccountOf, type UserAccount } from '../../storage/account/user-account.ts'
import type { AddPage } from '../page/add-page.ts'
import { amidAppRequests } from '../page/content-security.ts'
import { continuePath } from '../page/continue.ts'
import { type Field, form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { seldom } from '../page/page-limits.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { requirePassword } from '../sign-in/no-password.ts'
import { codeField, currentPasswordField, type EmailFieldProblem, emailField } from '../sign-in/person-fields.ts'

/** Where somebody asks for another e-mail address; the rest happens at `/email-change`. */
export const accountEmailPage: AddPage = (server, { accounts }) => {
  const { database, mail } = accounts
  const guarded = { ...amidAppRequests, onRequest: [requireSession, requirePassword(accounts)] }
  const fieldsFor = async (words: Words, person: string, asked: Asked = {}): Promise<readonly Field[]> => {
    const { authenticator } = await findSecondFactor(database, person)
    const problemOf = (field: Unshown['field']) => (asked.unshown?.field === field ? asked.unshown.answer : undefined)
    return [
      { ...emailField(words, asked.email ?? '', asked.problem), label: words.say('email.new'), autocomplete: 'email' },
      currentPasswordField(words, problemOf('password')),
      ...(authenticator === undefined ? [] : [codeField(words, problemOf('code'))]),
    ]
  }
  server.get('/account/email', guarded, async (request, reply) => {
    if (mail === undefined) return sendAskOthers(reply)
    const { person } = sessionOf(request)
    const account = await findAccountOf(database, person)
    if (queryOf(request).has('sent')) return sendOnTheirWay(reply, account)
    const continued = continuePath(queryOf(request).get('continue') ?? '')
    return sendEmail(reply, await fieldsFor(wordsOf(request), person), { account, continued })
  })
  server.post('/account/email', { ...guarded, config: { rateLimit: seldom } }, async (request, reply) => {
    if (mail === undefined) return sendAskOthers(reply.code(403))
    const session = sessionOf(request)
    const { person } = session
    const refused = await ask(accounts, session, request.body)
    if (refused === undefined) return reply.redirect('/account/email?sent', 303)
    const account = await findAccountOf(database, person)
    const continued = continuePath(typed(request.body, 'continue'))
    const fields = await fieldsFor(wordsOf(request), person, refused)
    return sendEmail(reply.code(isTooOften(refused) ? 429 : 422), fields, { account, continued })
  })
}

/** Undefined if everything was right. */
const ask = async (accounts: Accounts, session: Session, body: unknown): Promise<Asked | undefined> => {
  const email = typed(body, 'email')
  const problem = emailProblem(email)
  const shown = { password: typedSecret(body, 'password'), code: typed(body, 'code') }
  if (problem !== undefined) return { email, problem, ...(shown.password === '' && { unshown: noPassword }) }
  const asked = await askForEmail(accounts, session, email, shown)
  if (asked.kind === 'unshown') return { email, unshown: asked }
  return asked.kind === 'asked' ? undefined : { email, problem: asked.kind }
}

const noPassword: Unshown = { field: 'password', answer: 'missing' }

const isTooOften = ({ problem, unshown }: Asked): boolean => (problem ?? unshown?.answer) === 'too-often'

type Asked = {
  readonly email?: string
  readonly problem?: EmailFieldProblem
  readonly unshown?: Unshown
}

type Asker = {
  readonly account: UserAccount | undefined
  /** Where they were going when they were asked for an address. */
  readonly continued: string | undefined
}

const sendEmail = (reply: FastifyReply, fields: readonly Field[], { account, continued }: Asker): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const title = say(account?.email === undefined ? 'email.give' : 'email.title')
  const isTold = hasToldAddress(account)
  return sendTranslatedPage(reply, words, {
    title,
    isProblem: fields.some(({ problem }) => problem !== undefined),
    content: html`<h1>${title}</h1>
${account?.email === undefined && notice('standing', takenOff(words, continued))}
<p>${say(isTold ? 'email.text' : 'email.text-none')}</p>
${form({
  action: '/account/email',
  token: ownToken(reply),
  hidden: { continue: continued },
  problemTitle: say('check'),
  fields,
  button: say(isTold ? 'email.send' : 'sign-up.send'),
})}
<p><a href="/account">${say('own.back')}</a></p>`,
  })
}

/** Whether a letter also goes to the account's present address: not if that may be somebody else's. */
const hasToldAddress = (account: UserAccount | undefined): boolean => account?.email !== undefined && account.isVerified

const takenOff = ({ say }: Words, continued: string | undefined): Html => html`<p>${say('email.taken-off')}</p>
${continued && html`<p><a href="${continued}">${say('email.later')}</a></p>`}`

const sendOnTheirWay = (reply: FastifyReply, account: UserAccount | undefined): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('letter-sent.title'),
    content: html`<h1>${say('letter-sent.title')}</h1>
<p>${say('email.sent')}</p>
<p>${say(account?.isVerified ? 'email.sent-old' : 'email.sent-none')}</p>
<p><a href="/account">${say('own.back')}</a></p>`,
  })
}

const sendAskOthers = (reply: FastifyReply): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('email.title'),
    content: html`<h1>${say('email.title')}</h1>
<p>${say('email.ask-others')}</p>
<p><a href="/account">${say('own.back')}</a></p>`,
  })
}
