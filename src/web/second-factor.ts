import type { FastifyReply, FastifyRequest } from 'fastify'
import { deviceOf } from '../accounts/device.ts'
import { enterCode } from '../accounts/second-factor.ts'
import { finishSetUp, type SetUp, type SetUpStep, setUpOf } from '../accounts/set-up.ts'
import { queryOf } from '../http/presentation.ts'
import { cookieOf } from '../http/session.ts'
import { findStep, type SignInStep } from '../storage/account/sign-in-step.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { leadsAway } from './content-security.ts'
import { continuePath } from './continue.ts'
import { type Field, form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { codeProblems } from './person-fields.ts'
import { qrPicture } from './qr-picture.ts'
import { sendRecoveryCodes } from './recovery-codes.ts'
import { enter, seldom } from './sign-in.ts'

/**
 * Where whoever has shown a first factor shows the second, or sets it up where there is none. It belongs to the browser that
 * has the cookie of the step, and to nobody else.
 */
export const secondFactorPage: AddPage = (server, options) => {
  const { accounts, cookies } = options
  server.get('/second-factor', leadsAway, async (request, reply) => {
    const continued = continuePath(queryOf(request).get('continue') ?? '')
    const step = await findStep(accounts.database, cookieOf(request, cookies, 'step'))
    if (step === undefined) return sendOver(reply, continued)
    const isLost = queryOf(request).has('lost')
    return isSetUp(step)
      ? sendSetUp(reply, await setUpOf(accounts, step), { continued, isAsked: request.session === undefined })
      : sendCode(reply, { continued, isLost })
  })
  server.post('/second-factor', { ...leadsAway, config: { rateLimit: seldom } }, async (request, reply) => {
    const step = await findStep(accounts.database, cookieOf(request, cookies, 'step'))
    const continued = continuePath(typed(request.body, 'continue'))
    if (step === undefined) return sendOver(reply, continued)
    const answer = { request, reply, options, continued }
    return isSetUp(step) ? setUp(answer, step) : signIn(answer)
  })
}

const isSetUp = (step: SignInStep): step is SetUpStep => step.authenticator !== undefined

type Answering = {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly options: PageOptions
  readonly continued: string | undefined
}

const signIn = async ({ request, reply, options, continued }: Answering): Promise<FastifyReply> => {
  const { accounts, cookies } = options
  const device = deviceOf(request.headers['user-agent'])
  const answer = await enterCode(accounts, cookieOf(request, cookies, 'step'), typed(request.body, 'code'), device)
  if (answer.kind === 'over') return sendOver(reply, continued)
  if (answer.kind !== 'signed-in')
    return sendCode(reply, { continued, isLost: typed(request.body, 'lost') !== '', refusal: answer.kind })
  await enter(request, reply, options, answer.cookie)
  reply.clearCookie(cookies.nameOf('step'), cookies.options)
  return reply.redirect(continued ?? '/account', 303)
}

const setUp = async ({ request, reply, options, continued }: Answering, step: SetUpStep): Promise<FastifyReply> => {
  const { accounts, cookies } = options
  const device = deviceOf(request.headers['user-agent'])
  const answer = await finishSetUp(accounts, cookieOf(request, cookies, 'step'), typed(request.body, 'code'), device)
  switch (answer.kind) {
    case 'over':
      return sendOver(reply, continued)
    case 'wrong':
      return sendSetUp(reply.code(422), await setUpOf(accounts, step), {
        continued,
        isAsked: request.session === undefined,
        problem: codeProblems.wrong,
      })
    case 'set-up':
      await enter(request, reply, options, answer.cookie)
      reply.clearCookie(cookies.nameOf('step'), cookies.options)
      return sendRecoveryCodes(reply, { ...answer, goOn: continued ?? '/account' })
  }
}

type CodeShown = {
  readonly continued: string | undefined
  readonly isLost: boolean
  readonly refusal?: 'wrong' | 'too-often'
}

const sendCode = (reply: FastifyReply, { continued, isLost, refusal }: CodeShown): FastifyReply => {
  const title = isLost ? 'Enter a recovery code' : 'Enter a code of your app'
  const [status, problem] = refusal === undefined ? [200] : refusals[isLost && refusal === 'wrong' ? 'lost' : refusal]
  const hidden = continued === undefined ? {} : { continue: continued }
  const query = new URLSearchParams(isLost ? hidden : { ...hidden, lost: '' })
  return sendPage(reply.code(status), {
    title,
    isProblem: problem !== undefined,
    content: html`<h1>${title}</h1>
${form({
  action: '/second-factor',
  token: ownToken(reply),
  hidden: isLost ? { ...hidden, lost: 'yes' } : hidden,
  fields: [
    isLost
      ? recoveryField(problem)
      : { ...appField, hint: 'Your authenticator app shows six digits for Sharewell.', problem },
  ],
  button: 'Sign in',
})}
<ul class="list-unstyled mt-4">
<li><a href="/second-factor?${query.toString()}">${isLost ? 'I have my app' : 'I do not have my app: use a recovery code'}</a></li>
<li><a href="/sign-in?prompt=login">Start again</a></li>
</ul>
${isLost && html`<p class="text-body-secondary">If you have neither the app nor the codes, ask the people who run this site.</p>`}`,
  })
}

const refusals = {
  wrong: [422, codeProblems.wrong],
  lost: [422, 'This recovery code is not right, or is used already.'],
  'too-often': [429, codeProblems['too-often']],
} as const

const appField: Field = { name: 'code', label: 'Code', autocomplete: 'one-time-code', inputmode: 'numeric' }

const recoveryField = (problem: string | undefined): Field => ({
  name: 'code',
  label: 'Recovery code',
  hint: 'One of those that you kept when you set up the app. Each works once.',
  autocomplete: 'off',
  problem,
})

type SetUpShown = {
  readonly continued: string | undefined
  /** Whether an organization asks for it: nobody who sets it up of themselves is on the way in. */
  readonly isAsked: boolean
  readonly problem?: string
}

const sendSetUp = (
  reply: FastifyReply,
  { uri, text }: SetUp,
  { continued, isAsked, problem }: SetUpShown,
): FastifyReply =>
  sendPage(reply, {
    title: 'Set up an authenticator app',
    isProblem: problem !== undefined,
    ...(isAsked ? {} : { signOut: { token: ownToken(reply) } }),
    content: html`<h1>Set up an authenticator app</h1>
${isAsked && html`<p>An organization that you belong to asks you to sign in with a second factor.</p>`}
<p>With a second factor nobody gets in who knows only your password: besides it we ask for a code that an app on your phone shows. Any app for one-time codes will do.</p>
<h2>1. Tell the app about Sharewell</h2>
<p>Scan this picture with the app.</p>
${qrPicture(uri, 'QR code for your authenticator app')}
<p>Or, if this is your phone, <a href="${uri}">open it in the app</a>. Or type this key into the app:</p>
<p><code>${text}</code></p>
<h2>2. Enter the code that it shows</h2>
${form({
  action: '/second-factor',
  token: ownToken(reply),
  hidden: continued === undefined ? {} : { continue: continued },
  fields: [{ ...appField, problem }],
  button: 'Turn it on',
})}
${!isAsked && html`<p><a href="/account/second-factor">Not now</a></p>`}`,
  })

const sendOver = (reply: FastifyReply, continued: string | undefined): FastifyReply => {
  const query = new URLSearchParams(continued === undefined ? {} : { continue: continued })
  return sendPage(reply.code(410), {
    title: 'Please sign in again',
    content: html`<h1>Please sign in again</h1>
<p>That took too long, or was done already, or began in another browser.</p>
<p><a href="/sign-in?${query.toString()}">Go to sign-in</a></p>`,
  })
}
