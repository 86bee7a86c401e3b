import type { FastifyReply, FastifyRequest } from 'fastify'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import type { Doubt } from '../../accounts/sign-in/doubt.ts'
import { enterCode } from '../../accounts/sign-in/second-factor.ts'
import { finishSetUp, type SetUp, type SetUpStep, setUpOf } from '../../accounts/sign-in/set-up.ts'
import { cookieOf } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { findStep, type SignInStep } from '../../storage/account/sign-in-step.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { ofAppRequests } from '../page/content-security.ts'
import { continuePath } from '../page/continue.ts'
import { type Field, form, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { qrPicture } from '../page/qr-picture.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { enter } from './entering.ts'
import { sendRecoveryCodes } from './recovery-codes.ts'
import { limitRefused } from './refused-tries.ts'

/**
 * Where somebody who has given a first factor gives the second one, or sets it up if there is none. It belongs to the browser that has the
 * cookie of the step, and to no other.
 */
export const secondFactorPage: AddPage = (server, options) => {
  const { accounts, cookies } = options
  server.get('/second-factor', ofAppRequests, async (request, reply) => {
    const continued = continuePath(queryOf(request).get('continue') ?? '')
    const step = await findStep(accounts.database, cookieOf(request, cookies, 'step'))
    if (step === undefined) return sendOver(reply, continued)
    const isLost = queryOf(request).has('lost')
    return isSetUp(step)
      ? sendSetUp(reply, await setUpOf(accounts, step), { continued, isAsked: step.session === undefined })
      : sendCode(reply, { continued, isLost })
  })
  const settings = { ...ofAppRequests, ...limitRefused(), config: { isForAnybody: true } }
  server.post('/second-factor', settings, async (request, reply) => {
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
  return reply.redirect(answer.isRecovery ? recoveredPath(continued) : (continued ?? '/account'), 303)
}

/** Whoever has lost the app is led to where another one takes its place, before the codes run out. */
const recoveredPath = (continued: string | undefined): string =>
  `/account/second-factor?${new URLSearchParams({ done: 'recovered', ...(continued !== undefined && { continue: continued }) })}`

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
        isAsked: step.session === undefined,
        problem: typed(request.body, 'code').trim() === '' ? 'step.code-missing' : 'step.code-wrong',
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
  readonly refusal?: Doubt
}

const sendCode = (reply: FastifyReply, { continued, isLost, refusal }: CodeShown): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const title = say(isLost ? 'step.recovery-title' : 'step.code-title')
  const text = refusal && refusals[isLost ? 'recovery' : 'app'][refusal]
  const status = refusal === undefined ? 200 : statuses[refusal]
  const problem = text && say(text)
  const hidden = continued === undefined ? {} : { continue: continued }
  const query = new URLSearchParams(isLost ? hidden : { ...hidden, lost: '' })
  const again = new URLSearchParams({ ...hidden, prompt: 'login' })
  return sendTranslatedPage(reply.code(status), words, {
    title,
    isProblem: problem !== undefined,
    content: html`<h1>${title}</h1>
<p>${say('step.time')}</p>
${form({
  action: '/second-factor',
  token: ownToken(reply),
  problemTitle: say('check'),
  hidden: isLost ? { ...hidden, lost: 'yes' } : hidden,
  fields: [isLost ? recoveryField(words, problem) : { ...appField(words), hint: say('step.code-hint'), problem }],
  button: say('sign-in.title'),
})}
<ul class="list-unstyled mt-4">
<li><a href="/second-factor?${query.toString()}">${say(isLost ? 'step.have-app' : 'step.lost-app')}</a></li>
<li><a href="/sign-in?${again.toString()}">${say('step.again')}</a></li>
</ul>
${isLost && html`<p class="text-body-secondary">${say('step.neither')}</p>`}`,
  })
}

const refusals = {
  app: { missing: 'step.code-missing', wrong: 'field.code-wrong', 'too-often': 'field.too-often' },
  recovery: { missing: 'step.recovery-missing', wrong: 'step.recovery-wrong', 'too-often': 'field.too-often' },
} as const

const statuses = { missing: 422, wrong: 422, 'too-often': 429 } as const

const appField = ({ say }: Words): Field => ({
  name: 'code',
  label: say('field.code'),
  autocomplete: 'one-time-code',
  inputmode: 'numeric',
})

const recoveryField = ({ say }: Words, problem: string | undefined): Field => ({
  name: 'code',
  label: say('step.recovery'),
  hint: say('step.recovery-hint'),
  autocomplete: 'off',
  problem,
})

type SetUpShown = {
  readonly continued: string | undefined
  /** Whether an organization requires it; people who set it up by their own choice are signed in already. */
  readonly isAsked: boolean
  readonly problem?: Key
}

const sendSetUp = (
  reply: FastifyReply,
  { uri, text }: SetUp,
  { continued, isAsked, problem }: SetUpShown,
): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('factor.set-up'),
    isProblem: problem !== undefined,
    content: html`<h1>${say('factor.set-up')}</h1>
${isAsked && html`<p>${say('step.asked')}</p>`}
<p>${say('factor.what')} ${say('step.any-app')}</p>
<p>${say('step.time')}</p>
<h2>${say('step.one')}</h2>
<p>${say('step.scan')}</p>
${qrPicture(uri, say('step.picture'))}
<p><a href="${uri}">${say('step.open')}</a></p>
<p>${say('step.key')}</p>
<p><code>${text}</code></p>
<h2>${say('step.two')}</h2>
${form({
  action: '/second-factor',
  token: ownToken(reply),
  problemTitle: say('check'),
  hidden: continued === undefined ? {} : { continue: continued },
  fields: [{ ...appField(words), problem: problem && say(problem) }],
  button: say('step.turn-on'),
})}
${isAsked ? stop(words, ownToken(reply)) : html`<p><a href="/account/second-factor">${say('step.not-now')}</a></p>`}`,
  })
}

/** Ends the step: otherwise the next person at the browser could continue with an app of theirs. */
const stop = ({ say }: Words, token: string): Html =>
  postForm({ action: '/sign-out', token }, html`<button class="btn btn-outline-primary">${say('step.stop')}</button>`)

const sendOver = (reply: FastifyReply, continued: string | undefined): FastifyReply => {
  const query = new URLSearchParams(continued === undefined ? {} : { continue: continued })
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply.code(410), words, {
    title: say('step.over'),
    content: html`<h1>${say('step.over')}</h1>
<p>${say('step.over-text')}</p>
<p><a href="/sign-in?${query.toString()}">${say('over.sign-in')}</a></p>`,
  })
}
