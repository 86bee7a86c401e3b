import { FhirError } from '../../fhir/error.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { forgoAuthenticator, removeAuthenticator, replaceRecoveryCodes } from '../../storage/account/second-factor.ts'
import { endSessions, isInForce, type Session, startSession } from '../../storage/account/session.ts'
import { findStep, takeStep } from '../../storage/account/sign-in-step.ts'
import { findAccountByEmail, isAddressed, lockAccount } from '../../storage/account/user-account.ts'
import { settledTransaction } from '../../storage/settled-transaction.ts'
import { type OperatorParts, recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { newsLetter } from '../letters.ts'
import { tell } from '../tell.ts'
import type { Admitted } from './admit.ts'
import { newRecoveryCodes } from './authenticator.ts'
import { useCode } from './code.ts'
import type { Doubt } from './doubt.ts'
import { startSetUp } from './set-up.ts'
import { type OnceShown, onceShown, type ShownAgain } from './shown-again.ts'

/** Checks the second factor in the step of a sign-in. */
export const enterCode = async (
  accounts: Accounts,
  step: string,
  typed: string,
  device: string,
): Promise<AdmittedByCode | { readonly kind: Doubt | 'over' }> => {
  const { database } = accounts
  const found = await findStep(database, step)
  if (found === undefined || found.authenticator !== undefined) return { kind: 'over' }
  const { person, methods, authenticatedAt } = found
  const answer = await useCode<Admitted>(accounts, person, typed, {
    begin: run => settledTransaction(database, run),
    run: async connection => {
      if (!(await takeStep(connection, step))) return undefined
      const methodsShown = [...methods, 'otp'] as const
      return {
        kind: 'signed-in',
        cookie: await startSession(connection, { person, methods: methodsShown, authenticatedAt, device }),
      }
    },
  })
  if (answer.kind !== 'right') return answer
  return answer.done === undefined ? { kind: 'over' } : { ...answer.done, isRecovery: answer.isRecovery }
}

/** `isRecovery`: by a code for when the app is lost. */
type AdmittedByCode = Admitted & { readonly isRecovery: boolean }

/**
 * Answers the secret of the step, which ends with the session. If the person has a second factor, the new one will replace it. Undefined if the
 * session has ended meanwhile: after a new password, nothing continues that began before it.
 */
export const beginSetUp = (
  accounts: Accounts,
  { id, person, methods }: Pick<Session, 'id' | 'person' | 'methods'>,
  shown: ShownAgain,
): Promise<OnceShown<string>> =>
  onceShown(accounts, person, shown, {
    begin: run => settledTransaction(accounts.database, run),
    run: async database => {
      await lockAccount(database, person)
      if (!(await isInForce(database, id))) return undefined
      const { secretKey } = accounts
      const before = methods.filter(method => method !== 'otp')
      return startSetUp({ database, secretKey }, { person, methods: before, session: id })
    },
  })

/** Undefined if an organization of theirs requires it. */
export const turnOff = async (accounts: Accounts, person: string, shown: ShownAgain): Promise<OnceShown<true>> => {
  const event = { person, by: 'themselves', action: 'D', told: 'The second factor was turned off' } as const
  const off = await onceShown<true>(accounts, person, shown, {
    begin: run => recordingAccount(accounts, event, run),
    run: async connection => (await forgoAuthenticator(connection, person)) || undefined,
  })
  if (off.kind === 'shown' && off.done) await tell(accounts, person, { kind: 'turned-off' })
  return off
}

/** Answers the new codes, which are not shown again; the old ones no longer work. */
export const renewRecoveryCodes = async (
  accounts: Accounts,
  person: string,
  shown: ShownAgain,
): Promise<OnceShown<readonly string[]>> => {
  const event = { person, by: 'themselves', action: 'U', told: 'New recovery codes were made' } as const
  const renewed = await onceShown<readonly string[]>(accounts, person, shown, {
    begin: run => recordingAccount(accounts, event, run),
    run: async connection => {
      const codes = newRecoveryCodes()
      await replaceRecoveryCodes(connection, person, codes)
      return codes
    },
  })
  if (renewed.kind === 'shown') await tell(accounts, person, { kind: 'new-recovery-codes' })
  return renewed
}

/**
 * For somebody who has lost both the app and the codes: the operator removes the second factor, they are signed out everywhere, and told so. Throws
 * FhirError if there is none.
 */
export const resetSecondFactor = async (parts: OperatorParts, email: string): Promise<void> => {
  const account = await findAccountByEmail(parts.database, email)
  if (account === undefined) throw new FhirError('not-found', `Nobody signs in with ${email}`)
  const { person } = account
  const event = { person, by: 'operator', action: 'D', told: 'The second factor was taken away' } as const
  await recordingAccount(parts, event, async connection => {
    if (!(await removeAuthenticator(connection, person)))
      throw new FhirError('not-found', `${email} has no second factor`)
    await endSessions(connection, person)
    if (parts.told !== undefined && account.isVerified && isAddressed(account)) {
      const { mail, address } = parts.told
      const news = newsLetter(wordsFor(account.language), account.email, { kind: 'taken-away' }, address())
      await mail.keep(connection, [news])
    }
    return true
  })
}
