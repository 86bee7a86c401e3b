import type { FastifyReply } from 'fastify'
import { deviceOf } from '../../accounts/sign-in/device.ts'
import { signIn } from '../../accounts/sign-in/sign-in.ts'
import { isBlank } from '../../fhir/blank.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key } from '../../messages/catalogue.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { ofAppRequests } from '../page/content-security.ts'
import { continuePath } from '../page/continue.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { answerAdmission } from './entering.ts'
import { knownCookieOf } from './known-browser.ts'
import { emailField } from './person-fields.ts'
import { limitRefused } from './refused-tries.ts'
import { ssoLink } from './sso-link.ts'

/**
 * `/sign-in?continue=/somewhere` comes back to a path of this server. People who are signed in go there at once, except with `prompt=login`,
 * which asks again. https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
 */
export const signInPage: AddPage = (server, options) => {
  server.get('/sign-in', ofAppRequests, async (request, reply) => {
    const query = queryOf(request)
    const continued = continuePath(query.get('continue') ?? '')
    if (request.session !== undefined && query.get('prompt') !== 'login')
      return reply.redirect(continued ?? '/account', 303)
    return sendSignIn(reply, options, {
      continued,
      isAnew: query.get('prompt') === 'login',
      done: [...query.keys()].map(name => namedIn(doneTexts, name)).find(Boolean),
      unsaved: query.get('unsaved') === 'kept' ? 'kept' : query.has('unsaved') ? 'lost' : undefined,
    })
  })
  const settings = { ...ofAppRequests, ...limitRefused(), config: { isForAnybody: true } }
  server.post('/sign-in', settings, async (request, reply) => {
    const continued = continuePath(typed(request.body, 'continue'))
    const email = typed(request.body, 'email')
    const password = typedSecret(request.body, 'password')
    const isAnew = typed(request.body, 'prompt') === 'login'
    const missing = { email: isBlank(email), password: password === '' }
    if (missing.email || missing.password)
      return sendSignIn(reply.code(422), options, { continued, isAnew, email, missing })
    const device = deviceOf(request.headers['user-agent'])
    const answer = await signIn(options.accounts, { email, password, device, known: knownCookieOf(request, options) })
    if (answer.kind === 'refused' || answer.kind === 'too-often' || answer.kind === 'barred')
      return sendSignIn(reply, options, {
        continued,
        isAnew,
        email,
        refusal: answer.kind,
      })
    const isAsked = !answer.hasAddress && options.accounts.mail !== undefined
    return answerAdmission(request, reply, options, answer, isAsked ? toGiveAddress(continued) : continued)
  })
}

/** Where they give an address of theirs, or go on without one. */
const toGiveAddress = (continued: string | undefined): string =>
  `/account/email${continued === undefined ? '' : `?${new URLSearchParams({ continue: continued })}`}`

type Shown = {
  readonly continued: string | undefined
  readonly email?: string
  readonly refusal?: keyof typeof refusals
  /** Which fields were left empty. */
  readonly missing?: Readonly<Record<'email' | 'password', boolean>>
  /** Whether the institution must ask again as well. */
  readonly isAnew: boolean
  /** What has led here. */
  readonly done?: Key | undefined
  /** What became of a form that led here, and of which nothing was done. */
  readonly unsaved?: keyof typeof unsavedTexts | undefined
}

const sendSignIn = (
  reply: FastifyReply,
  { sso }: PageOptions,
  { continued, isAnew, email = '', refusal, missing, done, unsaved }: Shown,
): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const title = say('sign-in.title')
  const going = {
    ...(continued === undefined ? {} : { continue: continued }),
    ...(isAnew ? { prompt: 'login' } : {}),
  }
  const refused = refusal && refusals[refusal]
  return sendTranslatedPage(refused === undefined ? reply : reply.code(refused.status), words, {
    title,
    isProblem: refusal !== undefined || missing !== undefined || unsaved !== undefined,
    content: html`<h1>${title}</h1>
${done && notice('done', html`<p>${say(done)}</p>`)}
${unsaved && notice('problem', html`<p>${say(unsavedTexts[unsaved])}</p>`)}
${refused && notice('problem', html`<p>${say(refused.text)}</p>`)}
${form({
  action: '/sign-in',
  token: ownToken(reply),
  hidden: going,
  problemTitle: say('check'),
  fields: [
    emailField(words, email, missing?.email ? 'missing' : undefined),
    {
      name: 'password',
      label: say('field.password'),
      type: 'password',
      problem: missing?.password ? say('field.password-missing') : undefined,
      autocomplete: 'current-password',
    },
  ],
  button: say('sign-in.title'),
})}
${sso && ssoLink(words, sso.institution, going)}
<ul class="list-unstyled mt-4">
<li><a href="/forgotten-password">${say('sign-in.forgotten')}</a></li>
<li><a href="/sign-up">${say('sign-in.no-account')}</a></li>
</ul>`,
  })
}

const doneTexts: Readonly<Record<string, Key>> = {
  'signed-out': 'sign-in.signed-out',
  'new-password': 'sign-in.new-password',
  'second-factor': 'sign-in.second-factor',
}

const unsavedTexts = { lost: 'sign-in.unsaved', kept: 'sign-in.unsaved-kept' } as const

const refusals = {
  refused: { status: 422, text: 'sign-in.refused' },
  barred: { status: 403, text: 'sign-in.barred' },
  'too-often': { status: 429, text: 'field.too-often' },
} as const
