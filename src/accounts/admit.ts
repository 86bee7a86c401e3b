import { findSecondFactor } from '../storage/account/second-factor.ts'
import { type NewSession, type Session, startSession } from '../storage/account/session.ts'
import { startStep } from '../storage/account/sign-in-step.ts'
import type { SsoArrival } from '../storage/account/sso.ts'
import type { Accounts } from './accounts.ts'
import { startSetUp } from './set-up.ts'

/** How somebody has shown who they are so far, and with which browser. */
export type Arriving = Pick<Session, 'person' | 'methods' | 'device'>

/** `cookie` is the session's. */
export type SignedIn = { readonly kind: 'signed-in'; readonly cookie: string }

export type Admission =
  | SignedIn
  /** `step` is a secret for this browser alone: with it the second factor is shown, or set up first. */
  | { readonly kind: 'second-factor'; readonly step: string }

/** Whoever has shown a first factor comes in, or is asked for the second: that of the account, or of their organization. */
export const admit = async (accounts: Accounts, arriving: Arriving): Promise<Admission> => {
  const { authenticator, isNeeded } = await findSecondFactor(accounts.database, arriving.person)
  if (authenticator !== undefined) return { kind: 'second-factor', step: await startStep(accounts.database, arriving) }
  if (isNeeded) return { kind: 'second-factor', step: await startSetUp(accounts, arriving) }
  return signedIn(accounts, arriving)
}

/**
 * What an EHR says of its user stands for the password, and for no more: it does not let anybody set up a second factor.
 * Undefined where they have to sign in here for that.
 */
export const admitByEhr = async (
  accounts: Accounts,
  arriving: Omit<Arriving, 'methods'>,
): Promise<Admission | undefined> => {
  const { authenticator, isNeeded } = await findSecondFactor(accounts.database, arriving.person)
  if (authenticator === undefined && isNeeded) return undefined
  return admit(accounts, { ...arriving, methods: [] })
}

/**
 * The sign-in at an institution stands for the password, also where a second factor has yet to be set up: an account may have no
 * other first one. Where it counts as two, nothing more is asked.
 */
export const admitByInstitution = (
  accounts: Accounts,
  arriving: Omit<Arriving, 'methods'>,
  { isMultiFactor }: Pick<SsoArrival, 'isMultiFactor'>,
): Promise<Admission> =>
  isMultiFactor ? signedIn(accounts, { ...arriving, methods: ['mfa'] }) : admit(accounts, { ...arriving, methods: [] })

/** The same within a frame of that EHR, where nobody is asked for a second factor: undefined for whoever needs one. */
export const admitToFrame = async (
  accounts: Accounts,
  arriving: Omit<NewSession, 'methods'>,
): Promise<SignedIn | undefined> => {
  const { authenticator, isNeeded } = await findSecondFactor(accounts.database, arriving.person)
  return authenticator === undefined && !isNeeded ? signedIn(accounts, { ...arriving, methods: [] }) : undefined
}

const signedIn = async ({ database }: Accounts, arriving: NewSession): Promise<SignedIn> => ({
  kind: 'signed-in',
  cookie: await startSession(database, arriving),
})
