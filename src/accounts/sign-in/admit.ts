import { hasIdentity, type Identity } from '../../storage/account/identity.ts'
import { findSecondFactor } from '../../storage/account/second-factor.ts'
import { type NewSession, startSession } from '../../storage/account/session.ts'
import { startStep } from '../../storage/account/sign-in-step.ts'
import type { SsoArrival } from '../../storage/account/sso.ts'
import { findAccountOf, lockAccount, type UserAccount } from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import { holdSmartClientConfig } from '../../storage/ehr/smart-client-config.ts'
import type { Accounts } from '../accounts.ts'
import { startSetUp } from './set-up.ts'

/** How somebody has authenticated so far, and with which browser. */
type Arriving = Omit<NewSession, 'frame'>

/** As whom an EHR or an institution knows the person: it may have been unlinked since the person was found by it. */
type ByIdentity = { readonly identity: Identity }

/** `cookie`: that of the session. */
export type Admitted = { readonly kind: 'signed-in'; readonly cookie: string }

export type Admission =
  | Admitted
  /** `step`: a secret for this browser only, with which the second factor is given, or first set up. */
  | { readonly kind: 'second-factor'; readonly step: string }

/** `database`: a transaction in which the account is locked, so that nobody changes how the person signs in meanwhile. */
type Admitting = Pick<Accounts, 'secretKey'> & { readonly database: Connection }

/**
 * Somebody who gave the password is signed in, or asked for the second factor that the account has, or that their organization requires.
 * Undefined if the password has been changed meanwhile, so that nothing of the old one remains.
 */
export const admitByPassword = (
  accounts: Accounts,
  { person, password }: UserAccount,
  device: string,
): Promise<Admission | undefined> =>
  admitting(accounts, person, async locked => {
    const now = await findAccountOf(locked.database, person)
    return now?.password === password ? admit(locked, { person, methods: ['pwd'], device }) : undefined
  })

/**
 * What an EHR says about its user replaces the password and nothing else: it does not allow anybody to set up a second factor. Undefined if they
 * must sign in here for that, or if the EHR no longer signs them in.
 */
export const admitByEhr = (
  accounts: Accounts,
  { identity, ...arriving }: Omit<Arriving, 'methods'> & ByIdentity,
): Promise<Admission | undefined> =>
  admitting(accounts, arriving.person, async locked => {
    if (!(await hasIdentity(locked.database, arriving.person, identity))) return undefined
    const { authenticator, isNeeded } = await findSecondFactor(locked.database, arriving.person)
    if (authenticator === undefined && isNeeded) return undefined
    return admit(locked, { ...arriving, methods: [] })
  })

/**
 * A sign-in at an institution replaces the password, even to set up a second factor, since an account may have no other first one. If it counts
 * as two factors, nothing more is asked for. `take` uses the arrival up, in the same commit; undefined if it answers false, or if the institution no
 * longer signs them in.
 */
export const admitByInstitution = (
  accounts: Accounts,
  {
    take,
    identity,
    ...arriving
  }: Omit<Arriving, 'methods'> & ByIdentity & { readonly take: (connection: Connection) => Promise<boolean> },
  { isMultiFactor }: Pick<SsoArrival, 'isMultiFactor'>,
): Promise<Admission | undefined> =>
  admitting(accounts, arriving.person, async locked => {
    if (!(await hasIdentity(locked.database, arriving.person, identity))) return undefined
    if (!(await take(locked.database))) return undefined
    return isMultiFactor
      ? signedIn(locked, { ...arriving, methods: ['mfa'] })
      : admit(locked, { ...arriving, methods: [] })
  })

/**
 * The same within a frame of the EHR, where nobody is asked for a second factor: undefined for anybody who needs one, and if the EHR is not set up
 * any more.
 */
export const admitToFrame = (
  accounts: Accounts,
  { identity, ...arriving }: Omit<NewSession, 'methods'> & ByIdentity & { readonly frame: string },
): Promise<Admitted | undefined> =>
  admitting(accounts, arriving.person, async locked => {
    if (!(await hasIdentity(locked.database, arriving.person, identity))) return undefined
    if (!(await holdSmartClientConfig(locked.database, arriving.frame))) return undefined
    const { authenticator, isNeeded } = await findSecondFactor(locked.database, arriving.person)
    return authenticator === undefined && !isNeeded ? signedIn(locked, { ...arriving, methods: [] }) : undefined
  })

const admitting = <T>(
  { database, secretKey }: Accounts,
  person: string,
  run: (locked: Admitting) => Promise<T>,
): Promise<T> =>
  database.transaction(async connection => {
    await lockAccount(connection, person)
    return run({ database: connection, secretKey })
  })

const admit = async (locked: Admitting, arriving: Arriving): Promise<Admission> => {
  const { authenticator, isNeeded } = await findSecondFactor(locked.database, arriving.person)
  if (authenticator !== undefined) return { kind: 'second-factor', step: await startStep(locked.database, arriving) }
  if (isNeeded) return { kind: 'second-factor', step: await startSetUp(locked, arriving) }
  return signedIn(locked, arriving)
}

const signedIn = async ({ database }: Admitting, arriving: NewSession): Promise<Admitted> => ({
  kind: 'signed-in',
  cookie: await startSession(database, arriving),
})
