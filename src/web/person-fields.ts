import type { EmailProblem } from '../accounts/email.ts'
import { type PasswordProblem, shortestPassword } from '../accounts/password-rules.ts'
import type { NameProblem } from '../accounts/person.ts'
import type { Field } from './form.ts'

/** What is asked of people in several places, and what may be wrong with it, in their words. */
export const newPasswordField = (name: string, problem: PasswordProblem | undefined, label = 'Password'): Field => ({
  name,
  label,
  type: 'password',
  hint: `At least ${shortestPassword} characters. Three or four words that have nothing to do with each other are safe, and easy to remember.`,
  problem: problem && passwordProblems[problem],
  autocomplete: 'new-password',
})

export const currentPasswordField = (problem: 'wrong' | 'too-often' | undefined): Field => ({
  name: 'password',
  label: 'Your password',
  type: 'password',
  autocomplete: 'current-password',
  problem: problem && currentPasswordProblems[problem],
})

/** Of the app, or a recovery code. */
export const codeField = (problem: 'wrong' | 'too-often' | undefined): Field => ({
  name: 'code',
  label: 'Code',
  hint: 'The six digits that your authenticator app shows, or one of your recovery codes.',
  autocomplete: 'one-time-code',
  problem: problem && codeProblems[problem],
})

export const nameField = (value: string, problem: NameProblem | undefined): Field => ({
  name: 'name',
  label: 'Your name',
  value,
  problem: problem && nameProblems[problem],
  autocomplete: 'name',
})

export type EmailFieldProblem = EmailProblem | 'taken' | 'has-it' | 'too-often'

export const emailField = (value: string, problem: EmailFieldProblem | undefined): Field => ({
  name: 'email',
  label: 'E-mail address',
  type: 'email',
  value,
  problem: problem && emailProblems[problem],
  autocomplete: 'username',
})

const tooOften = 'That was tried too often. Please wait 15 minutes before you try again.'

const currentPasswordProblems = { wrong: 'This is not the password of your account.', 'too-often': tooOften } as const

export const codeProblems = {
  wrong: 'This code is not right, or is used already. Wait until the app shows the next one, and enter that.',
  'too-often': tooOften,
} as const

const passwordProblems: Readonly<Record<PasswordProblem, string>> = {
  'too-short': `Choose a password of at least ${shortestPassword} characters`,
  'too-long': 'Choose a password of at most 200 characters',
  'easy-to-guess': 'Choose another password: this one is easy to guess, because many people use it or one like it',
}

const nameProblems: Readonly<Record<NameProblem, string>> = {
  missing: 'Enter your name',
  'too-long': 'Enter a name of at most 200 characters',
}

export const emailProblems: Readonly<Record<EmailFieldProblem, string>> = {
  missing: 'Enter your e-mail address',
  'no-address': 'Enter an e-mail address like name@example.org',
  'has-it': 'This is the e-mail address of your account already',
  'too-often': 'You asked for that too often. Please wait an hour before you ask again.',
  taken: 'There is an account with this e-mail address already: sign in instead',
}
