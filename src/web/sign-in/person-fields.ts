import type { PasswordProblem } from '../../accounts/password/password-rules.ts'
import type { NameProblem } from '../../accounts/person.ts'
import type { Doubt } from '../../accounts/sign-in/doubt.ts'
import type { EmailProblem } from '../../accounts/sign-up/email.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Field } from '../page/form.ts'

/** Fields that several pages have, and what may be wrong with them, in people's language. */
export const newPasswordField = ({ say }: Words, name: string, problem: PasswordProblem | undefined): Field => ({
  name,
  label: say('field.new-password'),
  type: 'password',
  hint: say('account.password-hint'),
  problem: problem && say(`account.password-${problem}`),
  autocomplete: 'new-password',
})

export const currentPasswordField = ({ say }: Words, problem: Doubt | undefined): Field => ({
  name: 'password',
  label: say('field.current-password'),
  type: 'password',
  autocomplete: 'current-password',
  problem: problem && say(problem === 'too-often' ? 'field.too-often' : `field.password-${problem}`),
})

/** A code of the app, or a recovery code. */
export const codeField = ({ say }: Words, problem: Doubt | undefined): Field => ({
  name: 'code',
  label: say('field.code'),
  hint: say('field.code-hint'),
  autocomplete: 'one-time-code',
  problem: problem && say(problem === 'too-often' ? 'field.too-often' : `field.code-${problem}`),
})

export const nameField = ({ say }: Words, value: string, problem: NameProblem | undefined): Field => ({
  name: 'name',
  label: say('account.name'),
  value,
  problem: problem && say(`field.name-${problem}`),
  autocomplete: 'name',
})

export type EmailFieldProblem = EmailProblem | 'taken' | 'has-it' | 'too-often'

export const emailField = ({ say }: Words, value: string, problem: EmailFieldProblem | undefined): Field => ({
  name: 'email',
  label: say('field.email'),
  type: 'email',
  value,
  problem: problem && say(`field.email-${problem}`),
  autocomplete: 'username',
})
