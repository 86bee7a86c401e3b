import type { FastifyReply } from 'fastify'
import { nameOfPerson } from '../../accounts/person.ts'
import type { NewAccountProblems } from '../../accounts/sign-up/new-account.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import type { Accepted } from '../../studies/invitation/acceptance.ts'
import type { PageOptions } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { notMineForm } from '../sign-in/not-mine.ts'
import { newAccountForm } from './invitation-new-account.ts'
import { answeredTwiceList } from './invitation-twice.ts'
import { findHolder, findInvitedAddress } from './invited-address.ts'

/** What has been said, and is wrong with it. */
type AccountAsked = {
  readonly invitation: Invitation
  readonly name?: string
  readonly email?: string
  readonly problems?: NewAccountProblems
  readonly refusal?: Exclude<Accepted, 'accepted' | 'over'> | 'too-often' | 'other-invitation'
}

/** Asks with which account they accept. */
export const sendAccountAsked = async (
  reply: FastifyReply,
  options: PageOptions,
  shown: AccountAsked,
): Promise<FastifyReply> => {
  const words = wordsOf(reply.request)
  const { say } = words
  const { invitation, refusal, problems = {} } = shown
  const person = reply.request.session?.person
  const isAnother = person !== undefined && (await options.acceptance.isAnotherPerson(invitation, person))
  const refused = isAnother ? 'another-person' : refusal
  return sendTranslatedPage(reply, words, {
    title: say('account.title'),
    isProblem: refused !== undefined || Object.keys(problems).length > 0,
    content: html`<h1>${say('account.title')}</h1>
${refused && notice('problem', html`<p>${say(`account.${refused}`)}</p>${refused === 'two-consents' && person !== undefined && (await answeredTwiceList(options, invitation, person, words))}`)}
<p>${say('account.text')}</p>
<p>${say('account.time')}</p>
${
  person === undefined
    ? await ofNobody(reply, options, shown)
    : isAnother
      ? await ofAnother(reply, options, { ...shown, person })
      : await ofSession(reply, options, { ...shown, person })
}`,
  })
}

const here = encodeURIComponent('/invitation/account')

const ofSession = async (
  reply: FastifyReply,
  options: PageOptions,
  shown: AccountAsked & { readonly person: string },
): Promise<Html> => {
  const { say } = wordsOf(reply.request)
  const { invitation, person } = shown
  const hidden = { person, invitation: invitation.id }
  return html`<p>${say('account.signed-in', { name: await calledOf(options, person) })}</p>
${form({ action: '/invitation/account', token: ownToken(reply), hidden, fields: [], button: say('account.use') })}
${otherAccount(say)}
${
  options.accounts.signUp !== 'closed' &&
  html`<h2>${say('account.own')}</h2>
<p>${say('account.not-you')}</p>
${await newAccount(reply, options, shown)}`
}`
}

/** For when somebody is signed in who has another birth date. */
const ofAnother = async (
  reply: FastifyReply,
  options: PageOptions,
  shown: AccountAsked & { readonly person: string },
): Promise<Html> => {
  const { say } = wordsOf(reply.request)
  return html`<p>${say('account.signed-in-another', { name: await calledOf(options, shown.person) })}</p>
<p>${say('account.wrong-date')}</p>
${otherAccount(say)}
${options.accounts.signUp !== 'closed' && html`<h2>${say('account.own')}</h2>`}
${await newAccount(reply, options, shown)}`
}

const calledOf = async ({ accounts }: PageOptions, person: string): Promise<string> => {
  const email = (await findAccountOf(accounts.database, person))?.email ?? ''
  const name = (await nameOfPerson(accounts.openStoreAs, person)) || email
  return name === email ? name : `${name} (${email})`
}

const otherAccount = (say: Words['say']): Html =>
  html`<p><a href="/sign-in?continue=${here}&amp;prompt=login">${say('account.other')}</a></p>`

const ofNobody = async (reply: FastifyReply, options: PageOptions, shown: AccountAsked): Promise<Html> => {
  const words = wordsOf(reply.request)
  const { say } = words
  const { accounts } = options
  const { signUp } = accounts
  const { invitation } = shown
  const holder = await findHolder(accounts, invitation)
  const signIn = html`<p><a class="btn btn-primary" href="/sign-in?continue=${here}">${say('account.sign-in')}</a></p>`
  const own = await newAccount(reply, options, shown)
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
  reply: FastifyReply,
  { accounts }: PageOptions,
  { invitation, name = '', email = '', problems = {} }: AccountAsked,
): Promise<Html> => {
  const words = wordsOf(reply.request)
  if (accounts.signUp === 'closed') return html`<p>${words.say('account.closed')}</p>`
  const address = await findInvitedAddress(accounts, invitation)
  return newAccountForm(words, { token: ownToken(reply), invitation: invitation.id, address, name, email, problems })
}
