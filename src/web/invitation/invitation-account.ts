import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import type { NewAccountProblems } from '../../accounts/sign-up/new-account.ts'
import { cookieOf } from '../../http/caller/session.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findAccountByEmail, findAccountOf } from '../../storage/account/user-account.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import type { Accepted } from '../../studies/invitation/acceptance.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendInvitationIsOver } from '../page/link-is-over.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { enter } from '../sign-in/entering.ts'
import { leadToNotMine, notMine, notMineForm } from '../sign-in/not-mine.ts'
import { newAccountForm } from './invitation-new-account.ts'
import { answeredTwiceList } from './invitation-twice.ts'

/** Somebody who has proved who they are accepts the invitation with an account: a new one, or one to which they sign in. */
export const invitationAccountPage: AddPage = (server, options) => {
  const { acceptance, accounts, cookies } = options
  const found = (request: FastifyRequest) => acceptance.findProven(cookieOf(request, cookies, 'invitation'))
  const sendUnproven = async (request: FastifyRequest, reply: FastifyReply) => {
    const cookie = cookieOf(request, cookies, 'invitation')
    // Somebody who goes back, or presses twice, is sent to where the first time led.
    const study = request.session && (await acceptance.takenUp(cookie, request.session.person))
    if (study !== undefined) return reply.redirect(`/sharing/${study}`, 303)
    const isLate = await acceptance.isLate(cookie)
    return isLate ? sendLate(reply, wordsOf(request)) : sendInvitationIsOver(reply, wordsOf(request))
  }
  server.get('/invitation/account', async (request, reply) => {
    const invitation = await found(request)
    return invitation === undefined
      ? sendUnproven(request, reply)
      : sendAccount(request, reply, options, { invitation })
  })
  const take = async (request: FastifyRequest, reply: FastifyReply, invitation: Invitation, person: string) => {
    const accepted = await acceptance.accept(invitation, person)
    if (accepted === 'over') return sendInvitationIsOver(reply, wordsOf(request))
    if (accepted !== 'accepted')
      return sendAccount(request, reply.code(409), options, { invitation, refusal: accepted })
    return reply.redirect(`/sharing/${invitation.study}`, 303)
  }
  server.post('/invitation/account', { config: { isForAnybody: true } }, async (request, reply) => {
    const invitation = await found(request)
    if (invitation === undefined) return sendUnproven(request, reply)
    // A browser keeps one proof only, and since then another invitation may have been proved in another window.
    if (typed(request.body, 'invitation') !== invitation.id)
      return sendAccount(request, reply.code(409), options, { invitation, refusal: 'other-invitation' })
    if (typed(request.body, 'decision') === notMine) return leadOn(request, reply, invitation)
    const agreed = typed(request.body, 'person')
    if (agreed !== '') return takeBySession(request, reply, invitation, agreed)
    return takeByNew(request, reply, invitation)
  })
  /** The code was sent to the address of the invitation, so they read its mail. */
  const leadOn = async (request: FastifyRequest, reply: FastifyReply, invitation: Invitation) => {
    const { channel, address: email } = invitation
    const asked = { email, continued: '/invitation/account' }
    const led = channel === 'email' ? await leadToNotMine(reply, accounts, asked) : undefined
    return led ?? sendAccount(request, reply, options, { invitation })
  }
  /** Somebody else may have signed in since the page was shown. */
  const takeBySession = (request: FastifyRequest, reply: FastifyReply, invitation: Invitation, agreed: string) =>
    request.session?.person === agreed
      ? take(request, reply, invitation, agreed)
      : sendAccount(request, reply, options, { invitation })
  const takeByNew = async (request: FastifyRequest, reply: FastifyReply, invitation: Invitation) => {
    const chosen = {
      ...holderOf(request),
      email: (await addressFor(accounts, invitation)) ?? typed(request.body, 'email'),
    }
    const answer = await acceptance.makeAccount(invitation, chosen)
    if (answer.kind === 'problems')
      return sendAccount(request, reply.code(422), options, { invitation, ...chosen, problems: answer.problems })
    if (answer.kind === 'too-often')
      return sendAccount(request, reply.code(429), options, { invitation, ...chosen, refusal: 'too-often' })
    const account = await findAccountByEmail(accounts.database, chosen.email)
    if (answer.kind !== 'signed-in' || account === undefined) return sendInvitationIsOver(reply, wordsOf(request))
    await enter(request, reply, options, answer.cookie)
    return take(request, reply, invitation, account.person)
  }
}

/** The link still works, but only the message that brought it has it. */
const sendLate = (reply: FastifyReply, words: Words): FastifyReply => {
  const { say } = words
  return sendTranslatedPage(reply.code(410), words, {
    title: say('late.title'),
    isProblem: true,
    content: html`<h1>${say('late.title')}</h1>
${notice('problem', html`<p>${say('late.text')}</p>`)}
<p>${say('late.again')}</p>`,
  })
}

const holderOf = (request: FastifyRequest) => ({
  name: typed(request.body, 'name'),
  password: typedSecret(request.body, 'password'),
  device: deviceOf(request.headers['user-agent']),
  language: wordsOf(request).code,
})

/** The invited address, unless somebody has an account with it. If undefined, they have to say which address the account is to have. */
const addressFor = async (accounts: Accounts, invitation: Invitation): Promise<string | undefined> =>
  invitation.channel === 'email' && (await findHolder(accounts, invitation)) === undefined
    ? invitation.address
    : undefined

/** The account with the invited address. */
const findHolder = async ({ database }: Accounts, { channel, address }: Invitation) =>
  channel === 'email' ? findAccountByEmail(database, address) : undefined

type Shown = {
  readonly invitation: Invitation
  readonly name?: string
  readonly email?: string
  readonly problems?: NewAccountProblems
  readonly refusal?: Exclude<Accepted, 'accepted' | 'over'> | 'too-often' | 'other-invitation'
}

const sendAccount = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown,
): Promise<FastifyReply> => {
  const words = wordsOf(request)
  const { say } = words
  const { invitation, refusal, problems = {} } = shown
  const person = request.session?.person
  const isAnother = person !== undefined && (await options.acceptance.isAnotherPerson(invitation, person))
  const refused = isAnother ? 'another-person' : refusal
  return sendTranslatedPage(reply, words, {
    title: say('account.title'),
    isProblem: refused !== undefined || Object.keys(problems).length > 0,
    content: html`<h1>${say('account.title')}</h1>
${refused && notice('problem', html`<p>${say(`account.${refused}`)}</p>${refused === 'two-consents' && person !== undefined && (await answeredTwiceList(options, invitation, person, words))}`)}
<p>${say('account.text')}</p>
${
  person === undefined
    ? await ofNobody(request, reply, options, shown)
    : isAnother
      ? await ofAnother(request, reply, options, { ...shown, person })
      : await ofSession(request, reply, options, { ...shown, person })
}`,
  })
}

const here = encodeURIComponent('/invitation/account')

const ofSession = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown & { readonly person: string },
): Promise<Html> => {
  const { say } = wordsOf(request)
  const { invitation, person } = shown
  const hidden = { person, invitation: invitation.id }
  return html`<p>${say('account.signed-in', { name: await calledOf(options, person) })}</p>
${form({ action: '/invitation/account', token: ownToken(reply), hidden, fields: [], button: say('account.use') })}
${otherAccount(say)}
${
  options.accounts.signUp !== 'closed' &&
  html`<h2>${say('account.own')}</h2>
<p>${say('account.not-you')}</p>
${await newAccount(request, reply, options, shown)}`
}`
}

/** For when somebody is signed in who has another birth date. */
const ofAnother = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown & { readonly person: string },
): Promise<Html> => {
  const { say } = wordsOf(request)
  return html`<p>${say('account.signed-in-another', { name: await calledOf(options, shown.person) })}</p>
<p>${say('account.wrong-date')}</p>
${otherAccount(say)}
${options.accounts.signUp !== 'closed' && html`<h2>${say('account.own')}</h2>`}
${await newAccount(request, reply, options, shown)}`
}

const calledOf = async ({ accounts }: PageOptions, person: string): Promise<string> => {
  const email = (await findAccountOf(accounts.database, person))?.email ?? ''
  const name = (await nameOfPerson(accounts.openStoreAs, person)) || email
  return name === email ? name : `${name} (${email})`
}

const otherAccount = (say: Words['say']): Html =>
  html`<p><a href="/sign-in?continue=${here}&amp;prompt=login">${say('account.other')}</a></p>`

const ofNobody = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown,
): Promise<Html> => {
  const words = wordsOf(request)
  const { say } = words
  const { accounts } = options
  const { signUp } = accounts
  const { invitation } = shown
  const holder = await findHolder(accounts, invitation)
  const signIn = html`<p><a class="btn btn-primary" href="/sign-in?continue=${here}">${say('account.sign-in')}</a></p>`
  const own = await newAccount(request, reply, options, shown)
  if (holder !== undefined)
    return html`<p>${say('account.known', { email: holder.email })}</p>
${signIn}
${
  !holder.isVerified &&
  notMineForm(words, {
    action: '/invitation/account',
    token: ownToken(reply),
    hidden: { invitation: invitation.id },
    signUp,
  })
}
${
  signUp !== 'closed' &&
  html`<h2>${say('account.own')}</h2>
<p>${say('account.shared')}</p>`
}
${own}`
  if (signUp === 'closed')
    return html`${own}
${signIn}`
  return html`${own}
<p><a href="/sign-in?continue=${here}">${say('account.have-one')}</a></p>`
}

const newAccount = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { accounts }: PageOptions,
  { invitation, name = '', email = '', problems = {} }: Shown,
): Promise<Html> => {
  const words = wordsOf(request)
  if (accounts.signUp === 'closed') return html`<p>${words.say('account.closed')}</p>`
  const address = await addressFor(accounts, invitation)
  return newAccountForm(words, { token: ownToken(reply), invitation: invitation.id, address, name, email, problems })
}
