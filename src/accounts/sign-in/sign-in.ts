import { forgetTries, type Limit, mayTry } from '../../storage/account/attempt.ts'
import { isBarredPerson } from '../../storage/account/barred.ts'
import {
  findAccountByEmail,
  findAccountByFormerEmail,
  isAnyWithoutAddress,
  toAddress,
  type UserAccount,
} from '../../storage/account/user-account.ts'
import { recordSignIn } from '../../storage/audit/sign-in.ts'
import type { Accounts } from '../accounts.ts'
import { isPassword } from '../password/password.ts'
import { type Admission, admitByPassword } from './admit.ts'

export type SignIn = { readonly email: string; readonly password: string; readonly device: string }

export type SignInAnswer =
  /** `hasAddress`: without one they are to give another than the one that was taken off their account. */
  | (Admission & { readonly hasAddress: boolean })
  /** Nobody signs in with this address and password: which of the two is wrong is not told, nor how long it took. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'too-often' }
  /** Their Person is not active: only whoever knows the password is told. */
  | { readonly kind: 'barred' }

/** An address that nobody has is answered, and counted, as any other. */
export const signIn = async (accounts: Accounts, asked: SignIn): Promise<SignInAnswer> => {
  const { database } = accounts
  const account = await findAccountByEmail(database, asked.email)
  const former = await findAccountByFormerEmail(database, asked.email)
  const own = await answerFor(accounts, account, passwordTries, asked)
  // Not for this address alone: how long it takes would tell that one was taken off.
  const isAsked = isUnknown(own) && (await isAnyWithoutAddress(database))
  const other = isAsked ? await answerFor(accounts, former, formerTries, asked) : own
  const answer = isUnknown(other) ? own : other
  const outcome = refusals[answer.kind]
  if (outcome !== undefined) await recordSignIn(database, { person: (account ?? former)?.person, outcome })
  return answer
}

const isUnknown = ({ kind }: SignInAnswer): boolean => kind === 'refused' || kind === 'too-often'

/** What is recorded of those who do not come in; a session is recorded where it begins. */
const refusals: Readonly<Partial<Record<SignInAnswer['kind'], 401 | 403 | 429>>> = {
  refused: 401,
  barred: 403,
  'too-often': 429,
}

const answerFor = async (
  accounts: Accounts,
  account: UserAccount | undefined,
  tries: Limit,
  { email, password, device }: SignIn,
): Promise<SignInAnswer> => {
  const { database, secretKey } = accounts
  const address = toAddress(email)
  if (!(await mayTry(database, secretKey, tries, address))) return { kind: 'too-often' }
  if (!(await isPassword(password, account?.password)) || account === undefined) return { kind: 'refused' }
  await forgetTries(database, secretKey, tries, address)
  if (await isBarredPerson(database, account.person)) return { kind: 'barred' }
  const admission = await admitByPassword(accounts, account, device)
  return admission === undefined ? { kind: 'refused' } : { ...admission, hasAddress: account.email !== undefined }
}

export const passwordTries: Limit = { what: 'password', tries: 10, minutes: 15 }

/** Counted for themselves: by signing in to the one account nobody has more tries at the other with the same address. */
const formerTries: Limit = { ...passwordTries, what: 'password of a former address' }
