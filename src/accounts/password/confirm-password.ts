import { forgetTries, mayTry } from '../../storage/account/attempt.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { Accounts } from '../accounts.ts'
import { type Doubt, recordDoubt } from '../sign-in/doubt.ts'
import { passwordTries } from '../sign-in/sign-in.ts'
import { isPassword } from './password.ts'

/**
 * Checks the password of somebody who is signed in, with the same limit of tries as for signing in, and records what is refused as there. If none
 * was typed, that is no try.
 */
export const isAccountPassword = async (
  accounts: Accounts,
  person: string,
  password: string,
): Promise<'right' | Doubt> => {
  const answer = await checked(accounts, person, password)
  if (answer !== 'right') await recordDoubt(accounts.database, person, answer)
  return answer
}

const checked = async (
  { database, secretKey }: Accounts,
  person: string,
  password: string,
): Promise<'right' | Doubt> => {
  if (password === '') return 'missing'
  const account = await findAccountOf(database, person)
  const whom = account?.email ?? person
  if (!(await mayTry(database, secretKey, passwordTries, whom))) return 'too-often'
  if (!(await isPassword(password, account?.password)) || account === undefined) return 'wrong'
  await forgetTries(database, secretKey, passwordTries, whom)
  return 'right'
}
