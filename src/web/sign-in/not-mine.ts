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

/** For whoever has come by what was sent to an address that somebody has an account with, and that nobody has confirmed. */
export const notMineForm = (
  { say }: Words,
  { action, token, hidden, signUp }: Form,
): Html => html`<h2>${say('not-mine.ask')}</h2>
<p>${say('not-mine.ask-text')} ${say(signUp === 'closed' ? 'not-mine.ask-take-off' : 'not-mine.ask-then')}</p>
${postForm(
  { action, token, hidden: { ...hidden, decision: notMine } },
  html`<button class="btn btn-outline-primary">${say('not-mine.ask-button')}</button>`,
)}`

/** What the form says in `decision`. */
export const notMine = 'not-mine'

/** To where the address is taken off, and from there on; undefined where the address is nobody's by now, or somebody has confirmed it. */
export const leadToNotMine = async (
  reply: FastifyReply,
  accounts: Accounts,
  { email, continued }: { readonly email: string; readonly continued: string },
): Promise<FastifyReply | undefined> => {
  const account = await findAccountByEmail(accounts.database, email)
  if (account?.isVerified !== false) return undefined
  return reply.redirect(`${await notMinePath(accounts, account)}&${new URLSearchParams({ continue: continued })}`, 303)
}
