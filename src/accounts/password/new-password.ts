import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { Letter } from '../../messages/mail.ts'
import { giveAdministration } from '../../storage/account/administrators.ts'
import { forgetTries, type Limit, mayTry } from '../../storage/account/attempt.ts'
import { dropEmailChange } from '../../storage/account/email-change.ts'
import { dropLinks, findLink, type Link, makeLink, takeLink } from '../../storage/account/link.ts'
import { endSessions } from '../../storage/account/session.ts'
import {
  type AddressedAccount,
  findAccountByEmail,
  findAccountOf,
  isAddressed,
  setPassword,
  toAddress,
} from '../../storage/account/user-account.ts'
import { revokeGrants } from '../../storage/authorization/authorization-grant.ts'
import type { Connection } from '../../storage/database.ts'
import { administratorMade, recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { newPasswordLetter, passwordChangedLetter, unconfirmedLetter } from '../letters.ts'
import { isLinkedPerson, nameOfPerson } from '../person.ts'
import { passwordTries } from '../sign-in/sign-in.ts'
import { notMinePath } from '../sign-up/not-mine.ts'
import { letters } from '../sign-up/sign-up.ts'
import { afterwards } from '../tell.ts'
import { hashPassword } from './password.ts'
import { type PasswordProblem, passwordProblem } from './password-rules.ts'

/**
 * Writes to the address if somebody has an account with it; nothing else reveals whether that is so. If the address is confirmed, the letter's
 * link lets them choose a new password; if not, it takes the address off the account.
 */
export const askForNewPassword = async (accounts: Accounts, email: string, asking: Words): Promise<void> => {
  const { database, secretKey, mail, address } = accounts
  const to = toAddress(email)
  const mayWrite = await mayTry(database, secretKey, newPasswordLetters, to)
  const account = await findAccountByEmail(database, to)
  // Made in any case, so that it always takes the same time; a link for nobody opens nothing.
  const link =
    account?.isVerified === false
      ? `${address()}${await notMinePath(accounts, account)}`
      : await newPasswordLink(accounts, { person: account?.person ?? '', email: to })
  await mail?.sendUnnoticed(mayWrite ? letterOf(account, asking, link, address()) : undefined, newPasswordMinutes)
}

/**
 * Counted separately, since each of them has a link that works: if others ask for letters about an account, its holder still gets one of these,
 * which ends the wait after others' wrong passwords.
 */
const newPasswordLetters: Limit = { ...letters, what: 'letter for a new password' }

const newPasswordLink = async (
  accounts: Accounts,
  { person, email }: Pick<AddressedAccount, 'person' | 'email'>,
): Promise<string> => {
  const made = { purpose: 'new-password', person, email, wasSent: true } as const
  return newPasswordUrl(accounts, await makeLink(accounts.database, made, newPasswordMinutes))
}

const letterOf = (
  account: AddressedAccount | undefined,
  asking: Words,
  link: string,
  address: string,
): Letter | undefined => {
  if (account === undefined) return undefined
  return account.isVerified
    ? newPasswordLetter(wordsFor(account.language), account.email, link)
    : unconfirmedLetter(asking, account.email, { wanted: 'new-password', address, notMine: link })
}

export const newPasswordMinutes = 30

export const newPasswordUrl = ({ address }: Pick<Accounts, 'address'>, secret: string): string =>
  `${address()}/new-password?link=${secret}`

/** The account whose password the link can set; undefined if the link is unknown, was used, or is too old, or the account has another address by now. */
export const findAccountOfLink = async (accounts: Accounts, secret: string): Promise<AddressedAccount | undefined> =>
  (await findChange(accounts, secret))?.account

type Change = { readonly account: AddressedAccount; readonly link: Extract<Link, { purpose: 'new-password' }> }

const findChange = async ({ database }: Accounts, secret: string): Promise<Change | undefined> => {
  const link = await findLink(database, secret)
  if (link?.purpose !== 'new-password') return undefined
  const account = await findAccountOf(database, link.person)
  // A letter may still have been on its way to the old address while that was changed.
  return account && isAddressed(account) && account.email === link.email ? { account, link } : undefined
}

export type NewPasswordAnswer =
  | { readonly kind: 'changed' }
  | { readonly kind: 'link-is-over' }
  | { readonly kind: 'problem'; readonly problem: PasswordProblem }

/**
 * If somebody no longer has their password, somebody else may. So everything from before ends: sessions, what began with the old password,
 * links, a wanted change of the address, and what apps may do. The second factor stays.
 */
export const choosePassword = async (
  accounts: Accounts,
  secret: string,
  password: string,
): Promise<NewPasswordAnswer> => {
  const found = await findChange(accounts, secret)
  if (found === undefined) return { kind: 'link-is-over' }
  const { account, link } = found
  const name = await nameOfPerson(accounts.openStoreAs, account.person)
  const problem = await passwordProblem(password, [name, account.email])
  if (problem !== undefined) return { kind: 'problem', problem }
  const hashed = await hashPassword(password)
  // First, because if it fails, the password must not be changed, and the link must still work.
  await accounts.endApps(account.person)
  const { person } = account
  const event = { person, by: 'themselves', action: 'U', told: 'A password was chosen by a link' } as const
  const also = link.administrator
    ? [administratorMade(person, name, 'An account administers the installation now')]
    : []
  const change = async (connection: Connection) => {
    if (!(await takeLink(connection, secret))) return undefined
    await changePassword(connection, person, hashed, link)
    return true
  }
  const isTaken = await recordingAccount(accounts, event, change, also)
  if (isTaken === undefined) return { kind: 'link-is-over' }
  await afterwards(accounts, () => tellOfChange(accounts, account))
  return { kind: 'changed' }
}

const changePassword = async (
  connection: Connection,
  person: string,
  hashed: string,
  { wasSent, administrator }: Change['link'],
): Promise<void> => {
  if (administrator === true) await giveAdministration(connection, person)
  await setPassword(connection, person, hashed, { proves: wasSent })
  await dropLinks(connection, person)
  await dropEmailChange(connection, person)
  await endSessions(connection, person)
  // For anything that was allowed since by a session that has now ended.
  await revokeGrants(connection, { person })
}

const tellOfChange = async (
  { database, secretKey, openStoreAs, mail, address }: Accounts,
  { email, person, language }: AddressedAccount,
): Promise<void> => {
  await forgetTries(database, secretKey, passwordTries, email)
  const isLinked = await isLinkedPerson(openStoreAs, person)
  await mail?.send(passwordChangedLetter(wordsFor(language), email, address(), { appsEnded: true, isLinked }))
}
