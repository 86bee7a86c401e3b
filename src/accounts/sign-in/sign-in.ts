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
import { knownBrowser } from './known-browser.ts'

export type SignIn = {
  readonly email: string
  readonly password: string
  readonly device: string
  /** The cookie that says who has signed in with this browser before. */
  readonly known: string
}

export type SignInAnswer =
  /** `hasAddress`: if false, they must give an address, since theirs was taken off the account. */
  | (Admission & { readonly hasAddress: boolean })
  /** Nobody signs in with this address and password. Neither the answer nor the time it takes reveals which of the two is wrong. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'too-often' }
  /** Their Person is not active. Only somebody who knows the password is told so. */
  | { readonly kind: 'barred' }

/** An address that nobody has is answered and counted like any other. */
export const signIn = async (accounts: Accounts, asked: SignIn): Promise<SignInAnswer> => {
  const { database } = accounts
  const account = await findAccountByEmail(database, asked.email)
  const former = await findAccountByFormerEmail(database, asked.email)
  const own = await answerFor(accounts, account, passwordTries, asked)
  // Not only for this address, since the time would reveal that one was taken off an account.
  const isAsked = isUnknown(own) && (await isAnyWithoutAddress(database))
  const other = isAsked ? await answerFor(accounts, former, formerTries, asked) : own
  const answer = isUnknown(other) ? own : other
  const outcome = refusals[answer.kind]
  if (outcome !== undefined) await recordSignIn(database, { person: (account ?? former)?.person, outcome })
  return answer
}

const isUnknown = ({ kind }: SignInAnswer): boolean => kind === 'refused' || kind === 'too-often'

/** The outcome that is recorded for those who are not signed in; for the others, the start of the session is recorded. */
const refusals: Readonly<Partial<Record<SignInAnswer['kind'], 401 | 403 | 429>>> = {
  refused: 401,
  barred: 403,
  'too-often': 429,
}

const answerFor = async (
  accounts: Accounts,
  account: UserAccount | undefined,
  tries: Limit,
  { email, password, device, known }: SignIn,
): Promise<SignInAnswer> => {
  const { database, secretKey } = accounts
  const browser = knownBrowser(secretKey, known, account)
  const [limit, whom] = browser === undefined ? [tries, toAddress(email)] : [knownTries, browser]
  if (!(await mayTry(database, secretKey, limit, whom))) return { kind: 'too-often' }
  if (!(await isPassword(password, account?.password)) || account === undefined) return { kind: 'refused' }
  await forgetTries(database, secretKey, limit, whom)
  if (await isBarredPerson(database, account.person)) return { kind: 'barred' }
  const admission = await admitByPassword(accounts, account, device)
  return admission === undefined ? { kind: 'refused' } : { ...admission, hasAddress: account.email !== undefined }
}

export const passwordTries: Limit = { what: 'password', tries: 10, minutes: 15 }

/** For each browser in which the holder has signed in before: what strangers try with their address does not keep them out. */
const knownTries: Limit = { ...passwordTries, what: 'password in a known browser' }

/** Counted separately, so that signing in to the one account gives no more tries at the other account with the same address. */
const formerTries: Limit = { ...passwordTries, what: 'password of a former address' }
