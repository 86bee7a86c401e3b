import { v7 as uuidv7 } from 'uuid'
import { dropInvitations, hasInvitation } from '../../storage/account/link.ts'
import type { SsoArrival } from '../../storage/account/sso.ts'
import { addAccount, findAccountOf, verifyAddress } from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import type { Accounts } from '../accounts.ts'
import { type IdentityParts, identifierOf, linkIdentity, takeIdentity, unlinkIssuer } from '../identity.ts'
import { newPerson, self } from '../person.ts'
import { tell } from '../tell.ts'

/** Somebody of whom the institution says that the address is theirs. */
export type Confirmed = SsoArrival & { readonly email: string }

export type SsoAccounts = {
  readonly accounts: Accounts
  readonly identities: IdentityParts
  /** Its name for people. */
  readonly institution: string
  /** Who from the institution may make an account. */
  readonly signUp: Accounts['signUp']
}

export const maySignUp = async ({ accounts, signUp }: SsoAccounts, { email }: Confirmed): Promise<boolean> =>
  signUp === 'open' || (signUp === 'invitation' && (await hasInvitation(accounts.database, email)))

/** Makes an account without a password, completely or not at all. Undefined if it may not be made, or the address has an account by now. */
export const makeSsoAccount = async (
  parts: SsoAccounts,
  arrived: Confirmed,
  name: string,
  drop: (connection: Connection) => Promise<void>,
): Promise<string | undefined> => {
  const { accounts, identities } = parts
  if (!(await maySignUp(parts, arrived))) return undefined
  const person = uuidv7()
  return accounts.openStoreAs(self(person)).atomic(async (store, connection) => {
    await takeIdentity(identities, store, arrived)
    const account = { person, email: arrived.email, isVerified: true, administrator: false }
    if (!(await addAccount(connection, account))) return undefined
    await writeOrThrow(store, newPerson(person, name, { identifier: [identifierOf(arrived)] }))
    await dropInvitations(connection, arrived.email)
    await drop(connection)
    return person
  })
}

/**
 * For an account whose holder has just signed in and agreed. The address counts as confirmed, since the institution says so. `drop` removes what it
 * came with, in the same commit. False if they have been signed out meanwhile.
 */
export const linkInstitution = async (
  parts: SsoAccounts,
  { person, session }: { readonly person: string; readonly session: string },
  arrived: Confirmed,
  drop: (connection: Connection) => Promise<void>,
): Promise<boolean> => {
  const { accounts, identities, institution } = parts
  const { issuer, subject, email } = arrived
  const beside = async (connection: Connection) => {
    await verifyAddress(connection, { person, email })
    await drop(connection)
  }
  if (!(await linkIdentity(identities, person, { issuer, subject }, { session, onlyOne: true, beside }))) return false
  await tell(accounts, person, { kind: 'linked', institution })
  return true
}

/** Ends all sessions but one. False if the institution is the only way into the account. */
export const unlinkInstitution = async (
  parts: SsoAccounts,
  person: string,
  issuer: string,
  session: string,
): Promise<boolean> => {
  const { accounts, identities, institution } = parts
  const account = await findAccountOf(accounts.database, person)
  if (account?.password === undefined) return false
  await unlinkIssuer(identities, person, issuer, session)
  await tell(accounts, person, { kind: 'unlinked', institution })
  return true
}
