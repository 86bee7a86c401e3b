import { replaceRecoveryCodes, setAuthenticator } from '../../storage/account/second-factor.ts'
import { endSessions, startSession } from '../../storage/account/session.ts'
import { findStep, type NewStep, type SignInStep, startStep, takeStep } from '../../storage/account/sign-in-step.ts'
import { findAccountOf, lockAccount } from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import { seal, unseal } from '../../storage/secret/sealed.ts'
import { recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { tell } from '../tell.ts'
import { authenticatorText, authenticatorUri, newAuthenticator, newRecoveryCodes, timeStepOf } from './authenticator.ts'
import { digitsOf } from './code.ts'

/** Answers the secret of a step in which somebody sets up an app that gives codes. They must have shown all factors that there are. */
export const startSetUp = async (
  { database, secretKey }: Pick<Accounts, 'secretKey'> & { readonly database: Connection },
  step: Omit<NewStep, 'authenticator'>,
): Promise<string> => {
  const authenticator = await seal(secretKey, 'authenticators', newAuthenticator())
  return startStep(database, { ...step, authenticator })
}

/** What the app needs to know, as a URI for its camera and as text. */
export type SetUp = { readonly uri: string; readonly text: string }

export const setUpOf = async (
  { database, secretKey }: Accounts,
  { person, authenticator }: SetUpStep,
): Promise<SetUp> => {
  const secret = await unseal(secretKey, 'authenticators', authenticator)
  const account = await findAccountOf(database, person)
  return { uri: authenticatorUri(secret, account?.email ?? ''), text: authenticatorText(secret) }
}

export type SetUpStep = SignInStep & Required<Pick<SignInStep, 'authenticator'>>

export type SetUpAnswer =
  /** The codes for when the app is lost, which are not shown again, and the cookie of a new session. */
  | { readonly kind: 'set-up'; readonly cookie: string; readonly recoveryCodes: readonly string[] }
  | { readonly kind: 'wrong' | 'over' }

/** The first code proves that the app has the secret. All sessions from before end. */
export const finishSetUp = async (
  accounts: Accounts,
  step: string,
  typed: string,
  device: string,
): Promise<SetUpAnswer> => {
  const { database, secretKey } = accounts
  const found = await findStep(database, step)
  if (found?.authenticator === undefined) return { kind: 'over' }
  const { person, methods, authenticatedAt, authenticator: sealed } = found
  const secret = await unseal(secretKey, 'authenticators', sealed)
  const timeStep = timeStepOf(secret, digitsOf(typed), Date.now())
  if (timeStep === undefined) return { kind: 'wrong' }
  const recoveryCodes = newRecoveryCodes()
  const event = { person, by: 'themselves', action: 'C', told: 'A second factor was set up' } as const
  const cookie = await recordingAccount(accounts, event, async connection => {
    await lockAccount(connection, person)
    if (!(await takeStep(connection, step))) return undefined
    await setAuthenticator(connection, person, { sealed, timeStep })
    await replaceRecoveryCodes(connection, person, recoveryCodes)
    // Another set-up that has begun must not replace this one.
    await endSessions(connection, person)
    return startSession(connection, { person, methods: [...methods, 'otp'], authenticatedAt, device })
  })
  if (cookie === undefined) return { kind: 'over' }
  await tell(accounts, person, { kind: 'set-up' })
  return { kind: 'set-up', cookie, recoveryCodes }
}
