import type { NewAccountProblems } from '../../accounts/sign-up/new-account.ts'
import type { Words } from '../../messages/catalogue.ts'
import { type Field, form } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'

type NewAccount = {
  readonly token: string
  /** Id of the invitation. */
  readonly invitation: string
  /** Undefined if they have to say which address the account is to have. */
  readonly address: string | undefined
  /** What was typed. */
  readonly name: string
  readonly email: string
  readonly problems: NewAccountProblems
}

/** The form with which somebody who has proved that an invitation is for them makes an account. */
export const newAccountForm = (
  { say }: Words,
  { token, invitation, address, name, email, problems }: NewAccount,
): Html => html`<p>${address === undefined ? say('account.new-any') : say('account.new', { email: address })}</p>
${form({
  action: '/invitation/account',
  token,
  hidden: { invitation },
  account: address,
  problemTitle: say('check'),
  fields: [
    {
      name: 'name',
      label: say('account.name'),
      value: name,
      autocomplete: 'name',
      problem: problems.name && say('account.name-missing'),
    },
    ...(address === undefined ? [emailField(say, email, problems.email)] : []),
    {
      name: 'password',
      label: say('account.password'),
      type: 'password',
      hint: say('account.password-hint'),
      autocomplete: 'new-password',
      problem: problems.password && say(`account.password-${problems.password}`),
    },
  ],
  button: say('account.create'),
})}`

const emailField = (say: Words['say'], value: string, problem: NewAccountProblems['email']): Field => ({
  name: 'email',
  label: say('account.email'),
  type: 'email',
  hint: say('account.email-hint'),
  value,
  autocomplete: 'email',
  problem: problem && say(problem === 'taken' ? 'account.email-taken' : 'account.email-missing'),
})
