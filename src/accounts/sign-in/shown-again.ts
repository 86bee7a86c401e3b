import { findSecondFactor } from '../../storage/account/second-factor.ts'
import type { Accounts } from '../accounts.ts'
import { isAccountPassword } from '../password/confirm-password.ts'
import { type Allowed, useCode } from './code.ts'
import type { Doubt } from './doubt.ts'

/** What somebody who is signed in has typed once more. The code counts only if they have a second factor. */
export type ShownAgain = { readonly password: string; readonly code: string }

/** Which of the two was refused. */
export type Unshown = { readonly field: 'password' | 'code'; readonly answer: Doubt }

export type OnceShown<Done> =
  /** Undefined if the change was no longer possible. */
  { readonly kind: 'shown'; readonly done: Done | undefined } | ({ readonly kind: 'unshown' } & Unshown)

/**
 * Asks somebody again before something about how they sign in changes. The password is checked first, since a code is used up by checking it: only
 * together with the change, so that it can be sent again if the change failed.
 */
export const onceShown = async <Done>(
  accounts: Accounts,
  person: string,
  { password, code }: ShownAgain,
  change: Allowed<Done>,
): Promise<OnceShown<Done>> => {
  const ofPassword = await isAccountPassword(accounts, person, password)
  if (ofPassword !== 'right') return { kind: 'unshown', field: 'password', answer: ofPassword }
  const { authenticator } = await findSecondFactor(accounts.database, person)
  if (authenticator === undefined) return { kind: 'shown', done: await change.begin(change.run) }
  const answer = await useCode(accounts, person, code, change)
  return answer.kind === 'right'
    ? { kind: 'shown', done: answer.done }
    : { kind: 'unshown', field: 'code', answer: answer.kind }
}
