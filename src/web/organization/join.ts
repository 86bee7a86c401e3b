import type { FastifyReply, FastifyRequest } from 'fastify'
import { privacyOfficer } from '../../access/vocabulary.ts'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import { makeAccount, type NewAccountProblems } from '../../accounts/sign-up/new-account.ts'
import { roleNames } from '../../accounts/staff/colleagues.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { makeLink } from '../../storage/account/link.ts'
import { standingOf } from '../../storage/account/standing.ts'
import { findAccountByEmail, findAccountOf } from '../../storage/account/user-account.ts'
import { organizationName } from '../../storage/organization/organization.ts'
import type { StaffInvitation } from '../../storage/organization/staff-invitation.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'
import { sendPage } from '../page/page.ts'
import { seldom } from '../page/page-limits.ts'
import { wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { enter } from '../sign-in/entering.ts'
import { leadToNotMine, notMine, notMineForm } from '../sign-in/not-mine.ts'
import { nameField, newPasswordField } from '../sign-in/person-fields.ts'
import { ssoLink } from '../sign-in/sso-link.ts'
import { roleSentences } from './staff-role.ts'

/** Where an invitation into an organization leads. Opening it uses nothing up. */
export const joinPage: AddPage = (server, options) => {
  const { staffInvitations } = options
  server.get('/join', async (request, reply) => {
    const link = queryOf(request).get('link') ?? ''
    const invitation = await staffInvitations.find(link)
    return invitation === undefined
      ? sendOver(request, reply, options, link)
      : sendJoin(request, reply, options, { link, invitation })
  })
  server.post('/join', { config: { rateLimit: seldom, isForAnybody: true } }, async (request, reply) => {
    const { body } = request
    const link = typed(body, 'link')
    const invitation = await staffInvitations.find(link)
    if (invitation === undefined) return sendOver(request, reply, options, link)
    if (typed(body, 'decision') === notMine) return leadOn(request, reply, options, { link, invitation })
    const person = await whoAgrees(request, reply, options, { link, invitation })
    if (person === undefined) return reply
    const answer = await staffInvitations.accept(link, person)
    switch (answer) {
      case 'accepted':
        return reply.redirect(`${await ownPlace(options, person, invitation)}?done=joined`, 303)
      case 'over':
        return sendOver(request, reply, options, link)
      case 'other-address':
      case 'own':
        return sendJoin(request, reply.code(409), options, { link, invitation })
    }
  })
}

/** Somebody who goes back, or presses twice, is sent to where the first time led. */
const sendOver = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  link: string,
): Promise<FastifyReply> => {
  const { session } = request
  const used = session && (await options.staffInvitations.findUsed(link, session.person))
  if (session === undefined || used === undefined) return sendLinkIsOver(reply)
  return reply.redirect(`${await ownPlace(options, session.person, used)}?done=joined`, 303)
}

/** Whoever is a privacy officer only does not read the organization; an administrator reads no record of one. */
const ownPlace = async ({ accounts }: PageOptions, person: string, invitation: StaffInvitation): Promise<string> =>
  invitation.role === privacyOfficer && (await standingOf(accounts.database, person)).officer
    ? '/audit'
    : `/organizations/${invitation.organization}`

/** The link was sent to the address of the invitation, so they read its mail. */
const leadOn = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown,
): Promise<FastifyReply> => {
  const asked = { email: shown.invitation.email, continued: `/join?link=${shown.link}` }
  return (await leadToNotMine(reply, options.accounts, asked)) ?? sendJoin(request, reply, options, shown)
}

/** Answers the Person who is signed in, or that of a new account; undefined if another page was sent instead. */
const whoAgrees = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown,
): Promise<string | undefined> => {
  const agreed = typed(request.body, 'person')
  if (agreed === '') return makeHolder(request, reply, options, shown)
  if (request.session?.person === agreed) return agreed
  // Somebody else has signed in since the page was shown.
  await sendJoin(request, reply, options, shown)
  return undefined
}

/** Answers the Person of a new account; undefined if another page was sent instead. */
const makeHolder = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  { link, invitation }: Shown,
): Promise<string | undefined> => {
  const { accounts } = options
  const [name, password] = [typed(request.body, 'name'), typedSecret(request.body, 'password')]
  const { email } = invitation
  if (accounts.signUp === 'closed') {
    await sendJoin(request, reply, options, { link, invitation })
    return undefined
  }
  const asked = { purpose: 'new-account', email, administrator: false, wasSent: true } as const
  const own = await makeLink(accounts.database, asked, minutesForAccount)
  const device = deviceOf(request.headers['user-agent'])
  const answer = await makeAccount(accounts, own, { name, email, password, device, language: wordsOf(request).code })
  if (answer.kind === 'signed-in') {
    await enter(request, reply, options, answer.cookie)
    return (await findAccountByEmail(accounts.database, email))?.person
  }
  const problems = answer.kind === 'problems' ? answer.problems : {}
  await sendJoin(request, reply.code(422), options, { link, invitation, name, problems })
  return undefined
}

/** It is used in the same request. */
const minutesForAccount = 5

type Shown = {
  readonly link: string
  readonly invitation: StaffInvitation
  readonly name?: string
  readonly problems?: NewAccountProblems
}

const sendJoin = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  shown: Shown,
): Promise<FastifyReply> => {
  const { invitation, problems = {} } = shown
  const { database } = options.accounts
  const organization = (await organizationName(database, invitation.organization)) ?? 'an organization'
  return sendPage(reply, {
    title: `You are invited to ${organization}`,
    address: `/join?link=${shown.link}`,
    isProblem: Object.keys(problems).length > 0,
    ...(request.session !== undefined && { signOut: { token: ownToken(reply) } }),
    content: html`<h1>You are invited to ${organization}</h1>
<dl>
<dt>Your role there</dt><dd>${roleNames[invitation.role]}. ${roleSentences[invitation.role]}</dd>
<dt>Invited e-mail address</dt><dd>${invitation.email}</dd>
</dl>
${request.session === undefined ? await ofNobody(reply, options, shown) : await ofSession(reply, options, shown, request.session.person)}`,
  })
}

/** Only staff are invited, whose pages are in English. */
const words = wordsFor('en')

const here = (link: string): string => encodeURIComponent(`/join?link=${link}`)

const ofSession = async (
  reply: FastifyReply,
  { accounts }: PageOptions,
  { link, invitation }: Shown,
  person: string,
): Promise<Html> => {
  const email = (await findAccountOf(accounts.database, person))?.email
  if (email !== invitation.email)
    return html`<p>${email === undefined ? 'Your account has no e-mail address yet.' : `You are signed in with ${email}.`} The invitation is for another address.</p>
<p><a class="btn btn-primary" href="/sign-in?continue=${here(link)}&amp;prompt=login">Sign in with that address</a></p>`
  if (person === invitation.inviter)
    return html`<p>You sent this invitation yourself, and nobody can give themselves a role. Somebody else who gives roles there can invite you.</p>`
  return html`<p>You are signed in with this address. If you accept, you have this role from then on. If not, close this page: nothing will change.</p>
${form({ action: '/join', token: ownToken(reply), hidden: { link, person }, fields: [], button: 'Accept' })}`
}

const ofNobody = async (
  reply: FastifyReply,
  { accounts, sso }: PageOptions,
  { link, invitation, name = '', problems = {} }: Shown,
): Promise<Html> => {
  const signIn = html`<p><a class="btn btn-primary" href="/sign-in?continue=${here(link)}">Sign in</a></p>`
  const account = await findAccountByEmail(accounts.database, invitation.email)
  if (account?.isVerified)
    return html`<p>You have an account with this address already. Sign in with it to go on.</p>
${signIn}`
  if (account !== undefined)
    return html`<p>There is an account with this address already. If it is yours, sign in with it to go on.</p>
${signIn}
${notMineForm(words, { action: '/join', token: ownToken(reply), hidden: { link }, signUp: accounts.signUp })}`
  const byInstitution = sso?.makesAccounts && ssoLink(words, sso.institution, { continue: `/join?link=${link}` })
  if (accounts.signUp === 'closed')
    return byInstitution
      ? html`<p>You have no account with this address yet. If ${sso.institution} gave it to you, sign in there, and come back here.</p>
${byInstitution}
<p class="mt-4">If it did not, ask whoever invited you: this server creates no other accounts.</p>`
      : html`<p>You have no account with this address, and this server creates no new ones. Ask whoever invited you.</p>`
  return html`<p>Create your account to get this role. If you do not want it, close this page: nothing will change.</p>
${problems.email && notice('problem', html`<p>${words.say(`field.email-${problems.email}`)}</p>`)}
${form({
  action: '/join',
  token: ownToken(reply),
  hidden: { link },
  account: invitation.email,
  fields: [
    nameField(words, name, problems.name),
    { ...newPasswordField(words, 'password', problems.password), label: words.say('field.password') },
  ],
  button: 'Create account and accept',
})}`
}
