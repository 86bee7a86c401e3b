import { FhirError } from '../../fhir/error.ts'
import {
  findSecondFactor,
  forgoAuthenticator,
  removeAuthenticator,
  replaceRecoveryCodes,
} from '../../storage/account/second-factor.ts'
import { endSessions, isInForce, type Session, startSession } from '../../storage/account/session.ts'
import { findStep, takeStep } from '../../storage/account/sign-in-step.ts'
import { findAccountByEmail, lockAccount } from '../../storage/account/user-account.ts'
import { type AccountEventParts, recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { isAccountPassword } from '../password/confirm-password.ts'
import { tell } from '../tell.ts'
import type { Admitted } from './admit.ts'
import { newRecoveryCodes } from './authenticator.ts'
import { useCode } from './code.ts'
import type { Doubt } from './doubt.ts'
import { startSetUp } from './set-up.ts'

/** Checks the second factor in the step of a sign-in. */
export const enterCode = async (
  accounts: Accounts,
  step: string,
  typed: string,
  device: string,
): Promise<Admitted | { readonly kind: Doubt | 'over' }> => {
  const { database } = accounts
  const found = await findStep(database, step)
  if (found === undefined || found.authenticator !== undefined) return { kind: 'over' }
  const { person, methods, authenticatedAt } = found
  const answer = await useCode(accounts, person, typed, async connection => {
    if (!(await takeStep(connection, step))) return { kind: 'over' as const }
    return {
      kind: 'signed-in' as const,
      cookie: await startSession(connection, { person, methods: [...methods, 'otp'], authenticatedAt, device }),
    }
  })
  return answer.kind === 'right' ? answer.done : answer
}

/** Which of the two that were typed was refused. */
export type Unshown = { readonly field: 'password' | 'code'; readonly answer: Doubt }

/**
 * Asks somebody who is signed in again before their second factor changes; undefined if everything was right. The password is checked first,
 * since a code is used up by checking it.
 */
export const findUnshown = async (
  accounts: Accounts,
  person: string,
  { password, code }: { readonly password: string; readonly code: string },
): Promise<Unshown | undefined> => {
  const ofPassword = await isAccountPassword(accounts, person, password)
  if (ofPassword !== 'right') return { field: 'password', answer: ofPassword }
  const { authenticator } = await findSecondFactor(accounts.database, person)
  if (authenticator === undefined) return undefined
  const { kind } = await useCode(accounts, person, code, async () => undefined)
  return kind === 'right' ? undefined : { field: 'code', answer: kind }
}

/**
 * Answers the secret of the step, which ends with the session. If the person has a second factor, the new one will replace it. Undefined if the
 * session has ended meanwhile: after a new password, nothing continues that began before it.
 */
export const beginSetUp = (
  { database, secretKey }: Accounts,
  { id, person, methods }: Pick<Session, 'id' | 'person' | 'methods'>,
): Promise<string | undefined> =>
  database.transaction(async connection => {
    await lockAccount(connection, person)
    if (!(await isInForce(connection, id))) return undefined
    const shown = methods.filter(method => method !== 'otp')
    return startSetUp({ database: connection, secretKey }, { person, methods: shown, session: id })
  })

/** False if an organization of theirs requires it. */
export const turnOff = async (accounts: Accounts, person: string): Promise<boolean> => {
  const event = { person, by: 'themselves', action: 'D', told: 'The second factor was turned off' } as const
  const isOff = await recordingAccount(
    accounts,
    event,
    async connection => (await forgoAuthenticator(connection, person)) || undefined,
  )
  if (isOff === undefined) return false
  await tell(accounts, person, { kind: 'turned-off' })
  return true
}

/** Answers the new codes, which are not shown again; the old ones no longer work. */
export const renewRecoveryCodes = async (accounts: Accounts, person: string): Promise<readonly string[]> => {
  const codes = newRecoveryCodes()
  const event = { person, by: 'themselves', action: 'U', told: 'New recovery codes were made' } as const
  await recordingAccount(accounts, event, connection =>
    replaceRecoveryCodes(connection, person, codes).then(() => true),
  )
  await tell(accounts, person, { kind: 'new-recovery-codes' })
  return codes
}

/**
 * For somebody who has lost both the app and the codes: the operator removes the second factor, and they are signed out everywhere. Throws
 * FhirError if there is none.
 */
export const resetSecondFactor = async (parts: AccountEventParts, email: string): Promise<void> => {
  const account = await findAccountByEmail(parts.database, email)
  if (account === undefined) throw new FhirError('not-found', `Nobody signs in with ${email}`)
  const { person } = account
  const event = { person, by: 'operator', action: 'D', told: 'The second factor was taken away' } as const
  await recordingAccount(parts, event, async connection => {
    if (!(await removeAuthenticator(connection, person)))
      throw new FhirError('not-found', `${email} has no second factor`)
    await endSessions(connection, person)
    return true
  })
}
