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

export const emailField = (value: string, problem: EmailProblem | 'taken' | undefined): Field => ({
  name: 'email',
  label: 'E-mail address',
  type: 'email',
  value,
  problem: problem && emailProblems[problem],
  autocomplete: 'username',
})

const passwordProblems: Readonly<Record<PasswordProblem, string>> = {
  'too-short': `Choose a password of at least ${shortestPassword} characters`,
  'too-long': 'Choose a password of at most 200 characters',
  'easy-to-guess': 'Choose another password: this one is easy to guess, because many people use it or one like it',
}

export const nameProblems: Readonly<Record<NameProblem, string>> = {
  missing: 'Enter your name',
  'too-long': 'Enter a name of at most 200 characters',
}

export const emailProblems: Readonly<Record<EmailProblem | 'taken', string>> = {
  missing: 'Enter your e-mail address',
  'no-address': 'Enter an e-mail address like name@example.org',
  taken: 'There is an account with this e-mail address already: sign in instead',
}
