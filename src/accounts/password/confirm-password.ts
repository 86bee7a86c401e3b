import { forgetTries, type Limit, mayTry } from '../../storage/account/attempt.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { Accounts } from '../accounts.ts'
import { type Doubt, recordDoubt } from '../sign-in/doubt.ts'
import { passwordTries } from '../sign-in/sign-in.ts'
import { isPassword } from './password.ts'

/**
 * Checks the password of somebody who is signed in, with as many tries as for signing in, and records what is refused as there. If none was typed,
 * that is no try.
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
  if (!(await mayTry(database, secretKey, ownTries, person))) return 'too-often'
  if (!(await isPassword(password, account?.password)) || account === undefined) return 'wrong'
  await forgetTries(database, secretKey, ownTries, person)
  return 'right'
}

/** Counted separately, so that what strangers try at sign-in holds up nobody who is signed in. */
const ownTries: Limit = { ...passwordTries, what: 'password of somebody who is signed in' }
