import type { FastifyReply, FastifyRequest } from 'fastify'
import { deviceOf } from '../accounts/device.ts'
import type { NewAccountProblems } from '../accounts/new-account.ts'
import { nameOfPerson } from '../accounts/person.ts'
import { cookieOf } from '../http/session.ts'
import type { Words } from '../messages/catalogue.ts'
import type { Invitation } from '../storage/invitation.ts'
import { findAccountByEmail, findAccountOf } from '../storage/user-account.ts'
import type { Accepted } from '../studies/acceptance.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { type Field, form, notice, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendInvitationIsOver, sendOwnPage, wordsOf } from './own-page.ts'
import { enter, seldom } from './sign-in.ts'

/** Whoever has shown who they are takes the invitation into an account: a new one, or one that they sign in to. */
export const invitationAccountPage: AddPage = (server, options) => {
  const { acceptance, accounts, cookies } = options
  const found = (request: FastifyRequest) => acceptance.findProven(cookieOf(request, cookies, 'invitation'))
  server.get('/invitation/account', async (request, reply) => {
    const invitation = await found(request)
    return invitation === undefined
      ? sendInvitationIsOver(reply, wordsOf(request))
      : sendAccount(request, reply, options, { invitation })
  })
  const take = async (request: FastifyRequest, reply: FastifyReply, invitation: Invitation, person: string) => {
    const accepted = await acceptance.accept(invitation, person)
    if (accepted === 'over') return sendInvitationIsOver(reply, wordsOf(request))
    if (accepted !== 'accepted')
      return sendAccount(request, reply.code(409), options, { invitation, refusal: accepted })
    reply.clearCookie(cookies.nameOf('invitation'), cookies.options)
    return reply.redirect(`/sharing/${invitation.study}`, 303)
  }
  server.post('/invitation/account', { config: { rateLimit: seldom } }, async (request, reply) => {
    const invitation = await found(request)
    if (invitation === undefined) return sendInvitationIsOver(reply, wordsOf(request))
    const agreed = typed(request.body, 'person')
    if (agreed !== '') return takeBySession(request, reply, invitation, agreed)
    return takeByNew(request, reply, invitation)
  })
  /** Somebody else may have signed in since the page was shown. */
  const takeBySession = (request: FastifyRequest, reply: FastifyReply, invitation: Invitation, agreed: string) =>
    request.session?.person === agreed
      ? take(request, reply, invitation, agreed)
      : sendAccount(request, reply, options, { invitation })
  const takeByNew = async (request: FastifyRequest, reply: FastifyReply, invitation: Invitation) => {
    const chosen = { ...holderOf(request), email: emailOf(invitation) ?? typed(request.body, 'email') }
    const answer = await acceptance.makeAccount(invitation, chosen)
    if (answer.kind === 'problems')
      return sendAccount(request, reply.code(422), options, { invitation, ...chosen, problems: answer.problems })
    const account = await findAccountByEmail(accounts.database, chosen.email)
    if (answer.kind !== 'signed-in' || account === undefined) return sendInvitationIsOver(reply, wordsOf(request))
    await enter(request, reply, options, answer.cookie)
    return take(request, reply, invitation, account.person)
  }
}

const holderOf = (request: FastifyRequest) => ({
  name: typed(request.body, 'name'),
  password: typed(request.body, 'password'),
  device: deviceOf(request.headers['user-agent']),
  language: wordsOf(request).code,
})

/** Whoever came by a text message says which address it is to be. */
const emailOf = ({ channel, address }: Invitation): string | undefined => (channel === 'email' ? address : undefined)

type Shown = {
  readonly invitation: Invitation
  readonly name?: string
  readonly email?: string
  readonly problems?: NewAccountProblems
  readonly refusal?: Exclude<Accepted, 'accepted' | 'over'>
}

const sendAccount = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown,
): Promise<FastifyReply> => {
  const words = wordsOf(request)
  const { say } = words
  const { refusal, problems = {} } = shown
  return sendOwnPage(reply, words, {
    title: say('account.title'),
    isProblem: refusal !== undefined || Object.keys(problems).length > 0,
    content: html`<h1>${say('account.title')}</h1>
${refusal && notice('problem', html`<p>${say(`account.${refusal}`)}</p>`)}
<p>${say('account.text')}</p>
${request.session === undefined ? await ofNobody(request, reply, options, shown) : await ofSession(request, reply, options, request.session.person)}`,
  })
}

const here = encodeURIComponent('/invitation/account')

const ofSession = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { accounts }: PageOptions,
  person: string,
): Promise<Html> => {
  const { say } = wordsOf(request)
  const email = (await findAccountOf(accounts.database, person))?.email ?? ''
  const name = (await nameOfPerson(accounts.openStoreAs, person)) || email
  return html`<p>${say('account.signed-in', { name: name === email ? name : `${name} (${email})` })}</p>
${form({ action: '/invitation/account', token: ownToken(reply), hidden: { person }, fields: [], button: say('account.use') })}
<p><a href="/sign-in?continue=${here}&amp;prompt=login">${say('account.other')}</a></p>`
}

const ofNobody = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { accounts }: PageOptions,
  { invitation, name = '', email: chosen = '', problems = {} }: Shown,
): Promise<Html> => {
  const { say } = wordsOf(request)
  const email = emailOf(invitation)
  const signIn = (label: string) =>
    html`<p><a class="btn btn-primary" href="/sign-in?continue=${here}">${label}</a></p>`
  if (email !== undefined && (await findAccountByEmail(accounts.database, email)) !== undefined)
    return html`<p>${say('account.known', { email })}</p>
${signIn(say('account.sign-in'))}`
  if (accounts.signUp === 'closed')
    return html`<p>${say('account.closed')}</p>
${signIn(say('account.sign-in'))}`
  return html`<p>${email === undefined ? say('account.new-any') : say('account.new', { email })}</p>
${form({
  action: '/invitation/account',
  token: ownToken(reply),
  problemTitle: say('check'),
  fields: [
    {
      name: 'name',
      label: say('account.name'),
      value: name,
      autocomplete: 'name',
      problem: problems.name && say('account.name-missing'),
    },
    ...(email === undefined ? [emailField(say, chosen, problems.email)] : []),
    {
      name: 'password',
      label: say('account.password'),
      type: 'password',
      hint: say('account.password-hint'),
      autocomplete: 'new-password',
      problem: problems.password && say(`account.password-${problems.password}`),
    },
  ],
  button: say('account.create'),
})}
<p><a href="/sign-in?continue=${here}">${say('account.have-one')}</a></p>`
}

const emailField = (say: Words['say'], value: string, problem: NewAccountProblems['email']): Field => ({
  name: 'email',
  label: say('account.email'),
  type: 'email',
  hint: say('account.email-hint'),
  value,
  autocomplete: 'email',
  problem: problem && say(problem === 'taken' ? 'account.email-taken' : 'account.email-missing'),
})
