import type { FastifyReply } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import { notMinePath } from '../../accounts/sign-up/not-mine.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findAccountByEmail } from '../../storage/account/user-account.ts'
import { postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'

type Form = {
  readonly action: string
  readonly token: string
  readonly hidden: Readonly<Record<string, string>>
  readonly signUp: Accounts['signUp']
}

/** A form for people who have come by something that was sent to an address with which somebody has an account, but which nobody has confirmed. */
export const notMineForm = (
  { say }: Words,
  { action, token, hidden, signUp }: Form,
): Html => html`<h2>${say('not-mine.ask')}</h2>
<p>${say('not-mine.ask-text')} ${say(signUp === 'closed' ? 'not-mine.ask-take-off' : 'not-mine.ask-then')}</p>
${postForm(
  { action, token, hidden: { ...hidden, decision: notMine } },
  html`<button class="btn btn-outline-primary">${say('not-mine.ask-button')}</button>`,
)}`

/** The form's value for `decision`. */
export const notMine = 'not-mine'

/** Leads to where the address is taken off, and on from there; undefined if nobody has the address by now, or somebody has confirmed it. */
export const leadToNotMine = async (
  reply: FastifyReply,
  accounts: Accounts,
  { email, continued }: { readonly email: string; readonly continued: string },
): Promise<FastifyReply | undefined> => {
  const account = await findAccountByEmail(accounts.database, email)
  if (account?.isVerified !== false) return undefined
  return reply.redirect(`${await notMinePath(accounts, account)}&${new URLSearchParams({ continue: continued })}`, 303)
}
