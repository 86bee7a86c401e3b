import type { FastifyReply, FastifyRequest } from 'fastify'
import { type NameProblem, nameOfPerson, nameProblem } from '../../accounts/person.ts'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import type { SsoStep } from '../../auth/sso/arrivals.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { ofAppRequests } from '../page/content-security.ts'
import { enteredTexts } from '../page/entered.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { seldom } from '../page/page-limits.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { answerAdmission } from './entering.ts'
import { nameField } from './person-fields.ts'
import { logRefused, ssoBrowserOf, toSignIn } from './sso.ts'

type OfArrival = { readonly Params: { readonly arrival: string } }
type Request = FastifyRequest<OfArrival>

/** For somebody who came from the institution: whose account it is, whether to link it, or to make one. */
export const ssoArrivalPage: AddPage = (server, options) => {
  const { sso, cookies } = options
  if (sso === undefined) return
  const { arrivals } = sso
  const stepOf = (request: Request) =>
    arrivals.stepOf(request.params.arrival, ssoBrowserOf(request, cookies), request.session)
  const goIn = async (request: Request, reply: FastifyReply, step: Extract<SsoStep, { kind: 'enter' }>, done = '') => {
    const admission = await arrivals.enter(request.params.arrival, step, deviceOf(request.headers['user-agent']))
    if (admission === undefined) return sendProblem(reply, sso.institution, { kind: 'gone' })
    return answerAdmission(request, reply, options, admission, step.arrived.continued ?? `/account${done}`)
  }
  const show = async (request: Request, reply: FastifyReply, step: SsoStep) => {
    switch (step.kind) {
      case 'enter':
        return goIn(request, reply, step)
      case 'link':
        return sendLink(request, reply, options, sso.institution, step)
      case 'create':
        return sendCreate(request, reply, sso.institution, step)
      case 'sign-in':
        return sendSignInFirst(request, reply, sso.institution, step)
      default:
        return sendProblem(reply, sso.institution, step)
    }
  }
  server.get<OfArrival>('/sso/arrivals/:arrival', ofAppRequests, async (request, reply) =>
    show(request, reply, await stepOf(request)),
  )
  server.post<OfArrival>('/sso/arrivals/:arrival/link', ofAppRequests, async (request, reply) => {
    const step = await stepOf(request)
    if (step.kind !== 'link') return show(request, reply, step)
    const { arrival } = request.params
    if (!(await arrivals.link(arrival, step))) return reply.redirect(`/sso/arrivals/${arrival}`, 303)
    return reply.redirect(step.arrived.continued ?? '/account?done=linked', 303)
  })
  const limited = { ...ofAppRequests, config: { rateLimit: seldom } }
  server.post<OfArrival>('/sso/arrivals/:arrival/account', limited, async (request, reply) => {
    const step = await stepOf(request)
    if (step.kind !== 'create') return show(request, reply, step)
    const name = typed(request.body, 'name')
    const problem = nameProblem(name)
    if (problem !== undefined) return sendCreate(request, reply.code(422), sso.institution, step, { name, problem })
    await arrivals.create(request.params.arrival, step, name.trim())
    const next = await stepOf(request)
    return next.kind === 'enter' ? goIn(request, reply, next, '?done=account') : show(request, reply, next)
  })
}

const sendLink = async (
  request: Request,
  reply: FastifyReply,
  { accounts }: PageOptions,
  institution: string,
  { person, arrived }: Extract<SsoStep, { kind: 'link' }>,
): Promise<FastifyReply> => {
  const words = wordsOf(request)
  const { say } = words
  const title = say('arrival.link.title', { institution })
  const name = await nameOfPerson(accounts.openStoreAs, person)
  return sendTranslatedPage(reply, words, {
    title,
    content: html`<h1>${title}</h1>
${notice('warning', html`<p>${say('arrival.link.warning', { institution })}</p>`)}
<p>${say('arrival.link.text', { institution, email: arrived.email, name })}</p>
<p>${say('arrival.time', { institution })}</p>
${form({ action: `/sso/arrivals/${request.params.arrival}/link`, token: ownToken(reply), fields: [], button: say('arrival.link.button') })}
<p><a href="/account">${say('arrival.link.no')}</a></p>`,
  })
}

type Typed = { readonly name: string; readonly problem: NameProblem }

const sendCreate = (
  request: Request,
  reply: FastifyReply,
  institution: string,
  { arrived }: Extract<SsoStep, { kind: 'create' }>,
  typed?: Typed,
): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  const title = say('arrival.create.title')
  return sendTranslatedPage(reply, words, {
    title,
    isProblem: typed !== undefined,
    content: html`<h1>${title}</h1>
<p>${phrase(words, 'arrival.create.text', { institution, email: html`<strong>${arrived.email}</strong>` })}</p>
<p>${say('arrival.time', { institution })}</p>
${form({
  action: `/sso/arrivals/${request.params.arrival}/account`,
  token: ownToken(reply),
  problemTitle: say('check'),
  fields: [nameField(words, typed?.name ?? arrived.name ?? '', typed?.problem)],
  button: say('arrival.create.button'),
})}
<p><a href="/sign-in">${say('arrival.create.other')}</a></p>`,
  })
}

const sendSignInFirst = (
  request: Request,
  reply: FastifyReply,
  institution: string,
  { email }: Extract<SsoStep, { kind: 'sign-in' }>,
): FastifyReply => {
  const words = wordsOf(request)
  const { say } = words
  const title = say('arrival.first.title')
  const back = new URLSearchParams({ prompt: 'login', continue: `/sso/arrivals/${request.params.arrival}` })
  return sendTranslatedPage(reply, words, {
    title,
    content: html`<h1>${title}</h1>
<p>${phrase(words, 'arrival.first.text', { institution, email: html`<strong>${email}</strong>` })}</p>
<p>${say('arrival.time', { institution })}</p>
<p><a class="btn btn-primary" href="/sign-in?${back.toString()}">${say('arrival.first.sign-in')}</a></p>
<p><a href="/forgotten-password">${say('arrival.first.forgotten')}</a></p>`,
  })
}

type Problem = Exclude<SsoStep, { kind: 'enter' | 'link' | 'create' | 'sign-in' }>

const sendProblem = (reply: FastifyReply, institution: string, step: Problem): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const title = say(`arrival.${step.kind}.title`)
  const email = html`<strong>${'email' in step ? step.email : ''}</strong>`
  if (step.kind === 'no-address') logRefused(reply.request, step)
  return sendTranslatedPage(reply.code(step.kind === 'gone' ? 410 : 403), words, {
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
<p>${phrase(words, `arrival.${step.kind}.text`, { institution, email })}</p>
${toSignIn(words, 'continued' in step ? step.continued : undefined)}
${
  step.kind === 'gone' &&
  enteredTexts(
    words,
    [typed(reply.request.body, 'name').trim()].filter(name => name !== ''),
  )
}`,
  })
}
