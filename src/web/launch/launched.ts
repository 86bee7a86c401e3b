import type { FastifyReply, FastifyRequest } from 'fastify'
import { isAccountPassword } from '../../accounts/password/confirm-password.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import type { Doubt } from '../../accounts/sign-in/doubt.ts'
import { afterwards, tell } from '../../accounts/tell.ts'
import type { Arrival } from '../../auth/ehr/arrivals.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { isFramed } from '../page/frame.ts'
import { refuseOlder } from '../page/frame-history.ts'
import { type Html, html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { seldom } from '../page/page-limits.ts'
import { sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typedSecret } from '../page/typed.ts'
import { hasPassword, sendNoPassword } from '../sign-in/no-password.ts'
import { currentPasswordField } from '../sign-in/person-fields.ts'
import { type Link, type OfArrival, stepOf, toPatient } from './launch-step.ts'
import { sendStepInFrame } from './launched-in-frame.ts'
import { registerLaunched, sendRegister } from './launched-register.ts'

/** For somebody who came from an EHR: first whose account it is, and then the patient's page. */
export const launchedPage: AddPage = (server, options) => {
  const { ehrLaunches, accounts } = options
  const { arrivals } = ehrLaunches
  server.get<OfArrival>('/launched/:arrival', { onRequest: refuseOlder(options.cookies) }, async (request, reply) => {
    const step = await stepOf(request, options)
    if (isFramed(request) && (await sendStepInFrame(request, reply, options, step))) return reply
    switch (step.kind) {
      case 'gone':
        return sendGone(reply)
      case 'sign-in':
        return sendSignInFirst(request, reply, step.arrival)
      case 'not-staff':
      case 'another':
      case 'held':
        return sendRefused(request, reply, step.kind, step.arrival)
      case 'link':
        return sendLink(request, reply, options, step)
      case 'at-patient':
      case 'no-patient':
        await afterwards(accounts, () => arrivals.drop(request.params.arrival))
        return step.kind === 'at-patient'
          ? toPatient(request, reply, options, step.id)
          : reply.redirect('/account', 303)
      case 'register':
        return sendRegister(request, reply, options, step)
    }
  })
  server.post<OfArrival>('/launched/:arrival/account', { config: { rateLimit: seldom } }, async (request, reply) => {
    const step = await stepOf(request, options)
    if (step.kind !== 'link') return reply.redirect(`/launched/${request.params.arrival}`, 303)
    if (!(await hasPassword(accounts.database, step.person))) return sendNoPassword(request, reply)
    const answer = await isAccountPassword(accounts, step.person, typedSecret(request.body, 'password'))
    if (answer !== 'right') return sendLink(request, reply, options, step, answer)
    if (await arrivals.link(sessionOf(request), step.arrival))
      await tell(accounts, step.person, { kind: 'linked', institution: new URL(step.arrival.issuer).host })
    return reply.redirect(`/launched/${request.params.arrival}`, 303)
  })
  server.post<OfArrival>('/launched/:arrival/patient', async (request, reply) => {
    const step = await stepOf(request, options)
    if (step.kind !== 'register') return reply.redirect(`/launched/${request.params.arrival}`, 303)
    return registerLaunched(request, reply, options, step)
  })
}

const sendGone = (reply: FastifyReply): FastifyReply => {
  const { say } = wordsOf(reply.request)
  return sendProblem(reply.code(410), say('launched.gone.title'), html`<p>${say('launched.again')}</p>`)
}

const sendSignInFirst = (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  { issuer }: Arrival,
): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  const title = say('launched.first.title')
  const back = new URLSearchParams({ continue: `/launched/${request.params.arrival}` })
  return sendPage(reply.header('vary', 'accept-language'), {
    words,
    title,
    content: html`<h1>${title}</h1>
<p>${say('launched.first.text', { ehr: new URL(issuer).host })}</p>
<p>${say('launched.first.none')}</p>
<p><a href="/sign-in?${back.toString()}">${say('launched.first.sign-in')}</a></p>`,
  })
}

/** For when the person whom the EHR sent cannot go on here. */
const sendRefused = (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  why: keyof typeof refusals,
  { issuer }: Arrival,
): FastifyReply => {
  const { say } = wordsOf(request)
  const { status, mayBeAnother } = refusals[why]
  return sendProblem(
    reply.code(status),
    say(`launched.${why}.title`),
    html`<p>${say(`launched.${why}.text`, { ehr: new URL(issuer).host })}</p>
${mayBeAnother && signInAsAnother(request)}`,
  )
}

const refusals = {
  'not-staff': { status: 403, mayBeAnother: true },
  another: { status: 403, mayBeAnother: true },
  held: { status: 409, mayBeAnother: false },
} as const

/** In a frame, only the EHR can sign in somebody else. */
const signInAsAnother = (request: FastifyRequest<OfArrival>): Html => {
  const { say } = wordsOf(request)
  const back = new URLSearchParams({ continue: `/launched/${request.params.arrival}`, prompt: 'login' })
  return isFramed(request)
    ? html`<p>${say('launched.again')}</p>`
    : html`<p><a href="/sign-in?${back.toString()}">${say('launched.another.sign-in')}</a></p>`
}

const sendProblem = (reply: FastifyReply, title: string, text: Html): FastifyReply =>
  sendPage(reply.header('vary', 'accept-language'), {
    words: wordsOf(reply.request),
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>\n${text}`,
  })

const sendLink = async (
  request: FastifyRequest<OfArrival>,
  reply: FastifyReply,
  { accounts }: PageOptions,
  { arrival, person }: Link,
  problem?: Doubt,
): Promise<FastifyReply> => {
  if (!(await hasPassword(accounts.database, person))) return sendNoPassword(request, reply)
  const words = wordsOf(request)
  const { say } = words
  const title = say('launched.link.title')
  const ehr = new URL(arrival.issuer).host
  const name = await nameOfPerson(accounts.openStoreAs, person)
  return sendTranslatedPage(reply.code(problem === undefined ? 200 : 422), words, {
    title,
    isProblem: problem !== undefined,
    content: html`<h1>${title}</h1>
${notice('warning', html`<p>${say('launched.link.warning', { ehr })}</p>`)}
<p>${say('launched.link.text', { ehr, subject: arrival.subject, name })}</p>
${form({
  action: `/launched/${request.params.arrival}/account`,
  token: ownToken(reply),
  problemTitle: say('check'),
  fields: [{ ...currentPasswordField(words, problem), label: say('launched.link.password') }],
  button: say('arrival.link.button'),
})}`,
  })
}
