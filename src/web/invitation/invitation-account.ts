import type { FastifyReply, FastifyRequest } from 'fastify'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import { cookieOf } from '../../http/caller/session.ts'
import { findAccountByEmail } from '../../storage/account/user-account.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { enteredTexts } from '../page/entered.ts'
import { notice } from '../page/form.ts'
import { html } from '../page/html.ts'
import { sendInvitationIsOver, sendWithoutLink } from '../page/link-is-over.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { enter } from '../sign-in/entering.ts'
import { leadToNotMine, notMine } from '../sign-in/not-mine.ts'
import { sendAccountAsked } from './invitation-account-asked.ts'
import { findInvitedAddress } from './invited-address.ts'

/** Somebody who has proved who they are accepts the invitation with an account: a new one, or one to which they sign in. */
export const invitationAccountPage: AddPage = (server, options) => {
  server.get('/invitation/account', async (request, reply) => {
    const invitation = await findProven(request, options)
    return invitation === undefined
      ? sendUnproven(request, reply, options)
      : sendAccountAsked(reply, options, { invitation })
  })
  server.post('/invitation/account', { config: { isForAnybody: true } }, async (request, reply) => {
    const invitation = await findProven(request, options)
    if (invitation === undefined) return sendUnproven(request, reply, options)
    // A browser keeps one proof only, and since then another invitation may have been proved in another window.
    if (typed(request.body, 'invitation') !== invitation.id)
      return sendAccountAsked(reply.code(409), options, { invitation, refusal: 'other-invitation' })
    if (typed(request.body, 'decision') === notMine) return leadOn(reply, options, invitation)
    const agreed = typed(request.body, 'person')
    if (agreed !== '') return takeBySession(request, reply, options, { invitation, agreed })
    return takeByNew(request, reply, options, invitation)
  })
}

const findProven = (request: FastifyRequest, { acceptance, cookies }: PageOptions): Promise<Invitation | undefined> =>
  acceptance.findProven(cookieOf(request, cookies, 'invitation'))

const sendUnproven = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { acceptance, cookies }: PageOptions,
): Promise<FastifyReply> => {
  const cookie = cookieOf(request, cookies, 'invitation')
  // Somebody who goes back, or presses twice, is sent to where the first time led.
  const study = request.session && (await acceptance.takenUp(cookie, request.session.person))
  if (study !== undefined) return reply.redirect(`/sharing/${study}`, 303)
  if (cookie === '') return sendWithoutLink(reply, wordsOf(request))
  const isLate = await acceptance.isLate(cookie)
  return isLate ? sendLate(request, reply) : sendInvitationIsOver(reply, wordsOf(request))
}

/** The link still works, but only the message that brought it has it. */
const sendLate = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  const entered = ['name', 'email'].map(field => typed(request.body, field).trim()).filter(text => text !== '')
  return sendTranslatedPage(reply.code(410), words, {
    title: say('late.title'),
    isProblem: true,
    content: html`<h1>${say('late.title')}</h1>
${notice('problem', html`<p>${say('late.text')}</p>`)}
<p>${say('late.again')}</p>
${enteredTexts(words, entered)}`,
  })
}

/** The code was sent to the address of the invitation, so they read its mail. */
const leadOn = async (reply: FastifyReply, options: PageOptions, invitation: Invitation): Promise<FastifyReply> => {
  const { channel, address: email } = invitation
  const asked = { email, continued: '/invitation/account' }
  const led = channel === 'email' ? await leadToNotMine(reply, options.accounts, asked) : undefined
  return led ?? sendAccountAsked(reply, options, { invitation })
}

type Agreed = {
  readonly invitation: Invitation
  /** The person whose account the page offered. */
  readonly agreed: string
}

/** Somebody else may have signed in since the page was shown. */
const takeBySession = (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  { invitation, agreed }: Agreed,
): Promise<FastifyReply> =>
  request.session?.person === agreed
    ? take(request, reply, options, { invitation, person: agreed })
    : sendAccountAsked(reply, options, { invitation })

const takeByNew = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  invitation: Invitation,
): Promise<FastifyReply> => {
  const { acceptance, accounts } = options
  const address = await findInvitedAddress(accounts, invitation)
  const chosen = { ...holderOf(request), email: address ?? typed(request.body, 'email') }
  const answer = await acceptance.makeAccount(invitation, chosen)
  if (answer.kind === 'problems')
    return sendAccountAsked(reply.code(422), options, { invitation, ...chosen, problems: answer.problems })
  if (answer.kind === 'too-often' || answer.kind === 'taken')
    return sendAccountAsked(reply.code(refusals[answer.kind]), options, { invitation, ...chosen, refusal: answer.kind })
  const account = await findAccountByEmail(accounts.database, chosen.email)
  if (answer.kind !== 'signed-in' || account === undefined) return sendInvitationIsOver(reply, wordsOf(request))
  await enter(request, reply, options, answer.cookie)
  return take(request, reply, options, { invitation, person: account.person })
}

const refusals = { 'too-often': 429, taken: 409 } as const

const holderOf = (request: FastifyRequest) => ({
  name: typed(request.body, 'name'),
  password: typedSecret(request.body, 'password'),
  device: deviceOf(request.headers['user-agent']),
  language: wordsOf(request).code,
})

type Taking = { readonly invitation: Invitation; readonly person: string }

const take = async (
  request: FastifyRequest,
  reply: FastifyReply,
  options: PageOptions,
  { invitation, person }: Taking,
): Promise<FastifyReply> => {
  const accepted = await options.acceptance.accept(invitation, person)
  if (accepted === 'over') return sendInvitationIsOver(reply, wordsOf(request))
  if (accepted !== 'accepted') return sendAccountAsked(reply.code(409), options, { invitation, refusal: accepted })
  return reply.redirect(`/sharing/${invitation.study}`, 303)
}
