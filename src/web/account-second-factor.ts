import type { FastifyReply } from 'fastify'
import { beginSetUp, findUnshown, renewRecoveryCodes, turnOff, type Unshown } from '../accounts/second-factor.ts'
import { countRecoveryCodes, findSecondFactor, type SecondFactor } from '../storage/account/second-factor.ts'
import type { Session } from '../storage/account/session.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { requirePassword } from './no-password.ts'
import { sendPage } from './page.ts'
import { codeField, currentPasswordField } from './person-fields.ts'
import { sendRecoveryCodes } from './recovery-codes.ts'
import { seldom } from './sign-in.ts'
import { requireSession, sessionOf } from './signed-in.ts'

const path = '/account/second-factor'

/** The second factor of whoever is signed in. Each change of it asks for the factors that there are. */
export const accountSecondFactorPage: AddPage = (server, options) => {
  const { accounts } = options
  const { database } = accounts
  server.get(path, { onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const factor = await findSecondFactor(database, person)
    const content = factor.authenticator === undefined ? off : on(factor, await countRecoveryCodes(database, person))
    return sendPage(reply, {
      title: 'Second factor',
      signOut: { token: ownToken(reply) },
      content: html`<h1>Second factor</h1>
${content}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
  const onRequest = [requireSession, requirePassword(accounts)]
  for (const change of changes) {
    const at = `${path}/${change.name}`
    server.get(at, { onRequest }, async (request, reply) => {
      const factor = await findSecondFactor(database, sessionOf(request).person)
      return change.isPossible(factor) ? sendChange(reply, change, factor) : reply.redirect(path, 303)
    })
    server.post(at, { onRequest, config: { rateLimit: seldom } }, async (request, reply) => {
      const { person } = sessionOf(request)
      const factor = await findSecondFactor(database, person)
      if (!change.isPossible(factor)) return reply.redirect(path, 303)
      const shown = { password: typed(request.body, 'password'), code: typed(request.body, 'code') }
      const unshown = await findUnshown(accounts, person, shown)
      if (unshown !== undefined) return sendChange(reply.code(statusOf[unshown.answer]), change, factor, unshown)
      return change.make(reply, options, sessionOf(request))
    })
  }
}

const off = html`<p>With a second factor nobody gets in who knows only your password: besides it we ask for a code that an app on your phone shows.</p>
<p>It is turned off.</p>
<p><a href="${path}/set-up">Set up an authenticator app</a></p>`

const on = (
  { isNeeded }: SecondFactor,
  left: number,
): Html => html`<p>It is turned on: when you sign in we ask for a code of your authenticator app.</p>
<p>Unused recovery codes: ${left}</p>
<ul class="list-unstyled mt-4">
<li><a href="${path}/recovery-codes">Get new recovery codes</a></li>
<li><a href="${path}/set-up">Use another app</a></li>
${!isNeeded && html`<li><a href="${path}/off">Turn it off</a></li>`}
</ul>
${isNeeded && html`<p>An organization that you belong to asks for it, so it cannot be turned off.</p>`}`

type Change = {
  readonly name: string
  readonly title: string
  readonly text: (factor: SecondFactor) => string
  readonly button: string
  readonly isPossible: (factor: SecondFactor) => boolean
  readonly make: (reply: FastifyReply, options: PageOptions, session: Session) => Promise<FastifyReply>
}

const changes: readonly Change[] = [
  {
    name: 'set-up',
    title: 'Set up an authenticator app',
    text: ({ authenticator }) =>
      `When you have set it up, all other browsers are signed out${authenticator === undefined ? '' : ', and the app that you use now works no more'}.`,
    button: 'Go on',
    isPossible: () => true,
    make: async (reply, { accounts, cookies }, session) => {
      const step = await beginSetUp(accounts, session)
      if (step === undefined) return reply.redirect('/sign-in', 303)
      reply.setCookie(cookies.nameOf('step'), step, cookies.options)
      return reply.redirect(`/second-factor?${new URLSearchParams({ continue: path })}`, 303)
    },
  },
  {
    name: 'recovery-codes',
    title: 'Get new recovery codes',
    text: () => 'The recovery codes that you have now will work no more.',
    button: 'Show new codes',
    isPossible: ({ authenticator }) => authenticator !== undefined,
    make: async (reply, { accounts }, { person }) =>
      sendRecoveryCodes(reply, { recoveryCodes: await renewRecoveryCodes(accounts, person), goOn: path }),
  },
  {
    name: 'off',
    title: 'Turn off the second factor',
    text: () => 'Whoever knows your password then gets in with it alone.',
    button: 'Turn it off',
    isPossible: ({ authenticator, isNeeded }) => authenticator !== undefined && !isNeeded,
    make: async (reply, { accounts }, { person }) => {
      await turnOff(accounts, person)
      return reply.redirect(path, 303)
    },
  },
]

const sendChange = (
  reply: FastifyReply,
  { name, title, text, button }: Change,
  factor: SecondFactor,
  unshown?: Unshown,
): FastifyReply => {
  const problemOf = (field: Unshown['field']) => (unshown?.field === field ? unshown.answer : undefined)
  const password = currentPasswordField(problemOf('password'))
  return sendPage(reply, {
    title,
    isProblem: unshown !== undefined,
    signOut: { token: ownToken(reply) },
    content: html`<h1>${title}</h1>
<p>${text(factor)}</p>
${form({
  action: `${path}/${name}`,
  token: ownToken(reply),
  fields: factor.authenticator === undefined ? [password] : [password, codeField(problemOf('code'))],
  button,
})}
<p><a href="${path}">Back</a></p>`,
  })
}

const statusOf = { wrong: 422, 'too-often': 429 } as const
