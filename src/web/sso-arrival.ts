import type { FastifyReply, FastifyRequest } from 'fastify'
import { deviceOf } from '../accounts/device.ts'
import { type NameProblem, nameOfPerson, nameProblem } from '../accounts/person.ts'
import type { SsoStep } from '../auth/sso/arrivals.ts'
import { wordsFor } from '../messages/catalogue.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { leadsAway } from './content-security.ts'
import { form, notice, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'
import { nameField } from './person-fields.ts'
import { answerAdmission, seldom } from './sign-in.ts'
import { ssoBrowserOf } from './sso.ts'

type Asked = { readonly Params: { readonly arrival: string } }
type Request = FastifyRequest<Asked>

/** Who has come from the institution: whose account that is, whether to link it, or to make one. */
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
  server.get<Asked>('/sso/arrivals/:arrival', leadsAway, async (request, reply) =>
    show(request, reply, await stepOf(request)),
  )
  server.post<Asked>('/sso/arrivals/:arrival/link', leadsAway, async (request, reply) => {
    const step = await stepOf(request)
    if (step.kind !== 'link') return show(request, reply, step)
    await arrivals.link(request.params.arrival, step)
    return reply.redirect(step.arrived.continued ?? '/account?done=linked', 303)
  })
  const limited = { ...leadsAway, config: { rateLimit: seldom } }
  server.post<Asked>('/sso/arrivals/:arrival/account', limited, async (request, reply) => {
    const step = await stepOf(request)
    if (step.kind !== 'create') return show(request, reply, step)
    const name = typed(request.body, 'name')
    const problem = nameProblem(name)
    if (problem !== undefined) return sendCreate(request, reply.code(422), sso.institution, step, { name, problem })
    await arrivals.create(step, name.trim())
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
  const title = `Link your account at ${institution}`
  return sendPage(reply, {
    title,
    signOut: { token: ownToken(reply) },
    content: html`<h1>${title}</h1>
${notice('problem', html`<p>Do this only if you have just come from ${institution} yourself, with your own account there.</p>`)}
<p>From now on, whoever signs in at ${institution} as you did just now (${arrived.email}) is signed in here as ${await nameOfPerson(accounts.openStoreAs, person)}. You can undo this at any time in your account.</p>
${form({ action: `/sso/arrivals/${request.params.arrival}/link`, token: ownToken(reply), fields: [], button: 'Link them' })}
<p><a href="/account">Do not link them</a></p>`,
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
  const title = 'Create your account'
  return sendPage(reply, {
    title,
    isProblem: typed !== undefined,
    content: html`<h1>${title}</h1>
<p>You have no account here yet. You will sign in with ${institution}, and your e-mail address here is <strong>${arrived.email}</strong>.</p>
${form({
  action: `/sso/arrivals/${request.params.arrival}/account`,
  token: ownToken(reply),
  fields: [nameField(wordsFor('en'), typed?.name ?? arrived.name ?? '', typed?.problem)],
  button: 'Create account',
})}
<p><a href="/sign-in">I have an account already, with another e-mail address</a></p>`,
  })
}

const sendSignInFirst = (
  request: Request,
  reply: FastifyReply,
  institution: string,
  { email }: Extract<SsoStep, { kind: 'sign-in' }>,
): FastifyReply => {
  const title = 'Sign in once more, here'
  const back = new URLSearchParams({ prompt: 'login', continue: `/sso/arrivals/${request.params.arrival}` })
  return sendPage(reply, {
    title,
    content: html`<h1>${title}</h1>
<p>There is an account here with your e-mail address <strong>${email}</strong>. Sign in to it with its password; then you can link it to ${institution}, and need the password no more.</p>
<p><a class="btn btn-primary" href="/sign-in?${back.toString()}">Sign in with the password</a></p>
<p><a href="/forgotten-password">I do not know the password</a></p>`,
  })
}

type Problem = Exclude<SsoStep, { kind: 'enter' | 'link' | 'create' | 'sign-in' }>

const sendProblem = (reply: FastifyReply, institution: string, step: Problem): FastifyReply => {
  const { status, title, text } = problemOf(institution, step)
  return sendPage(reply.code(status), {
    title,
    isProblem: true,
    content: html`<h1>${title}</h1>
${text}
<p><a href="/sign-in">Go to sign-in</a></p>`,
  })
}

const problemOf = (institution: string, step: Problem): { status: number; title: string; text: Html } => {
  switch (step.kind) {
    case 'gone':
      return {
        status: 410,
        title: 'This sign-in is over',
        text: html`<p>It was used already, took too long, or was begun in another browser. Begin again.</p>`,
      }
    case 'barred':
      return {
        status: 403,
        title: 'Your account is closed',
        text: html`<p>The account that is linked to ${institution} is not open any more. Ask your administrator.</p>`,
      }
    case 'no-address':
      return {
        status: 403,
        title: 'We do not know whose account this is',
        text: html`<p>${institution} did not give us a confirmed e-mail address of its own for you, so we cannot tell which account is yours. Sign in with your password, or ask your administrator.</p>`,
      }
    case 'not-invited':
      return {
        status: 403,
        title: 'By invitation only',
        text: html`<p>Nobody has an account here with the e-mail address <strong>${step.email}</strong>. Ask the people who run your study or your clinic for an invitation to it.</p>`,
      }
    case 'occupied':
      return {
        status: 403,
        title: 'This e-mail address is somebody else’s here',
        text: html`<p>The account with the e-mail address <strong>${step.email}</strong> is linked to another person at ${institution}. If you have taken over the address, ask your administrator.</p>`,
      }
  }
}
