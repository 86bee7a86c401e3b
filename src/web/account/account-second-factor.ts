import type { FastifyReply } from 'fastify'
import { beginSetUp, renewRecoveryCodes, turnOff } from '../../accounts/sign-in/second-factor.ts'
import type { ShownAgain, Unshown } from '../../accounts/sign-in/shown-again.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { countRecoveryCodes, findSecondFactor, type SecondFactor } from '../../storage/account/second-factor.ts'
import type { Session } from '../../storage/account/session.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { amidAppRequests } from '../page/content-security.ts'
import { continuePath } from '../page/continue.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { seldom } from '../page/page-limits.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { requirePassword } from '../sign-in/no-password.ts'
import { codeField, currentPasswordField } from '../sign-in/person-fields.ts'
import { sendRecoveryCodes } from '../sign-in/recovery-codes.ts'

const path = '/account/second-factor'

/** The second factor of the person who is signed in. Changing it requires the existing factors. */
export const accountSecondFactorPage: AddPage = (server, options) => {
  const { accounts } = options
  const { database } = accounts
  server.get(path, { ...amidAppRequests, onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const factor = await findSecondFactor(database, person)
    const words = wordsOf(request)
    const { say } = words
    const query = queryOf(request)
    const content =
      factor.authenticator === undefined
        ? off(words, { isJustDone: query.get('done') === 'off' })
        : on(words, factor, await countRecoveryCodes(database, person))
    const isRecovered = query.get('done') === 'recovered' && factor.authenticator !== undefined
    return sendTranslatedPage(reply, words, {
      title: say('factor.title'),
      content: html`<h1>${say('factor.title')}</h1>
${isRecovered && recovered(words, continuePath(query.get('continue') ?? ''))}
${content}
<p><a href="/account">${say('own.back')}</a></p>`,
    })
  })
  const guarded = { ...amidAppRequests, onRequest: [requireSession, requirePassword(accounts)] }
  for (const change of changes) {
    const at = `${path}/${change.name}`
    server.get(at, guarded, async (request, reply) => {
      const factor = await findSecondFactor(database, sessionOf(request).person)
      const continued = continuePath(queryOf(request).get('continue') ?? '')
      return change.isPossible(factor) ? sendChange(reply, change, { factor, continued }) : reply.redirect(path, 303)
    })
    server.post(at, { ...guarded, config: { rateLimit: seldom } }, async (request, reply) => {
      const { person } = sessionOf(request)
      const factor = await findSecondFactor(database, person)
      if (!change.isPossible(factor)) return reply.redirect(path, 303)
      const shown = { password: typedSecret(request.body, 'password'), code: typed(request.body, 'code') }
      const continued = continuePath(typed(request.body, 'continue'))
      const refuse = (unshown: Unshown) =>
        sendChange(reply.code(statusOf[unshown.answer]), change, { factor, continued, unshown })
      return change.make(reply, options, { session: sessionOf(request), shown, continued, refuse })
    })
  }
}

/** To whoever has just signed in without the app. */
const recovered = ({ say }: Words, continued = '/account'): Html =>
  notice(
    'standing',
    html`<p>${say('factor.recovered')}</p>
<p><a href="${path}/set-up?${new URLSearchParams({ continue: continued }).toString()}">${say('factor.another')}</a></p>
<p><a href="${continued}">${say('factor.go-on')}</a></p>`,
  )

const off = ({ say }: Words, { isJustDone }: { readonly isJustDone: boolean }): Html => html`${
  isJustDone && notice('done', html`<p>${say('factor.is-off')}</p>`)
}
<p>${say('factor.what')}</p>
${!isJustDone && html`<p>${say('factor.is-off')}</p>`}
<p><a href="${path}/set-up">${say('factor.set-up')}</a></p>`

const on = ({ say }: Words, { isNeeded }: SecondFactor, left: number): Html => html`<p>${say('factor.is-on')}</p>
<p>${say('factor.left', { left })}</p>
<ul class="list-unstyled mt-4">
<li><a href="${path}/recovery-codes">${say('factor.recovery-codes')}</a></li>
<li><a href="${path}/set-up">${say('factor.another')}</a></li>
${!isNeeded && html`<li><a href="${path}/off">${say('factor.turn-off')}</a></li>`}
</ul>
${isNeeded && html`<p>${say('factor.needed')}</p>`}`

type Change = {
  readonly name: 'set-up' | 'recovery-codes' | 'off'
  readonly text: (factor: SecondFactor) => Key
  readonly button: Key
  readonly isPossible: (factor: SecondFactor) => boolean
  readonly make: (reply: FastifyReply, options: PageOptions, asked: Asked) => Promise<FastifyReply>
}

type Asked = {
  readonly session: Session
  readonly shown: ShownAgain
  /** Where somebody was going when they were led here. */
  readonly continued: string | undefined
  readonly refuse: (unshown: Unshown) => FastifyReply
}

const changes: readonly Change[] = [
  {
    name: 'set-up',
    text: ({ authenticator }) => (authenticator === undefined ? 'factor.set-up-text' : 'factor.another-text'),
    button: 'prove.go-on',
    isPossible: () => true,
    make: async (reply, { accounts, cookies }, { session, shown, continued = path, refuse }) => {
      const begun = await beginSetUp(accounts, session, shown)
      if (begun.kind === 'unshown') return refuse(begun)
      if (begun.done === undefined) return reply.redirect('/sign-in', 303)
      reply.setCookie(cookies.nameOf('step'), begun.done, cookies.options)
      return reply.redirect(`/second-factor?${new URLSearchParams({ continue: continued })}`, 303)
    },
  },
  {
    name: 'recovery-codes',
    text: () => 'factor.recovery-codes-text',
    button: 'factor.show-codes',
    isPossible: ({ authenticator }) => authenticator !== undefined,
    make: async (reply, { accounts }, { session, shown, refuse }) => {
      const renewed = await renewRecoveryCodes(accounts, session.person, shown)
      if (renewed.kind === 'unshown') return refuse(renewed)
      return sendRecoveryCodes(reply, { recoveryCodes: renewed.done ?? [], goOn: path })
    },
  },
  {
    name: 'off',
    text: () => 'factor.off-text',
    button: 'factor.turn-off',
    isPossible: ({ authenticator, isNeeded }) => authenticator !== undefined && !isNeeded,
    make: async (reply, { accounts }, { session, shown, refuse }) => {
      const off = await turnOff(accounts, session.person, shown)
      if (off.kind === 'unshown') return refuse(off)
      return reply.redirect(`${path}?done=off`, 303)
    },
  },
]

type ChangeShown = {
  readonly factor: SecondFactor
  readonly continued: string | undefined
  readonly unshown?: Unshown
}

const sendChange = (
  reply: FastifyReply,
  { name, text, button }: Change,
  { factor, continued, unshown }: ChangeShown,
): FastifyReply => {
  const problemOf = (field: Unshown['field']) => (unshown?.field === field ? unshown.answer : undefined)
  const words = wordsOf(reply.request)
  const { say } = words
  const title = say(`factor.${name}`)
  const password = currentPasswordField(words, problemOf('password'))
  return sendTranslatedPage(reply, words, {
    title,
    isProblem: unshown !== undefined,
    content: html`<h1>${title}</h1>
<p>${say(text(factor))}</p>
${form({
  action: `${path}/${name}`,
  token: ownToken(reply),
  problemTitle: say('check'),
  hidden: { continue: continued },
  fields: factor.authenticator === undefined ? [password] : [password, codeField(words, problemOf('code'))],
  button: say(button),
})}
<p><a href="${path}">${say('factor.back')}</a></p>`,
  })
}

const statusOf = { missing: 422, wrong: 422, 'too-often': 429 } as const
