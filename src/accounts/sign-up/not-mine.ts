import { wordsFor } from '../../messages/catalogue.ts'
import { dropLinks, findLink, type Link, makeLink, takeLink } from '../../storage/account/link.ts'
import {
  type AddressedAccount,
  findAccountOf,
  lockAccount,
  takeAddressOff,
} from '../../storage/account/user-account.ts'
import { recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { takenOffLetter } from '../letters.ts'
import { linkMinutes } from './link-minutes.ts'

/** An account, and the address that somebody says is theirs and not its holder's. */
export type NotMine = Extract<Link, { purpose: 'not-mine' }>

/**
 * Answers the path of a link by which whoever reads the mail of the address takes it off the account: for letters to it, and for whoever
 * has come by what was sent there. It opens nothing where somebody has confirmed the address, or nobody has an account with it.
 */
export const notMinePath = async (
  { database }: Accounts,
  { person = '', email }: Partial<Pick<AddressedAccount, 'person'>> & Pick<AddressedAccount, 'email'>,
): Promise<string> =>
  `/not-my-account?link=${await makeLink(database, { purpose: 'not-mine', person, email }, linkMinutes)}`

/** Undefined where the link is over, or somebody has confirmed the address meanwhile. */
export const findNotMine = async ({ database }: Accounts, secret: string): Promise<NotMine | undefined> => {
  const link = await findLink(database, secret)
  if (link?.purpose !== 'not-mine') return undefined
  const account = await findAccountOf(database, link.person)
  return account?.email === link.email && !account.isVerified ? link : undefined
}

/**
 * Nobody comes into the account by it, and its holder keeps it with all that it has: they sign in by the address and password as before, until
 * they have given an address of theirs. Links to the account that are with somebody are over. Answers the address; undefined where the link is over.
 */
export const takeOffAddress = async (accounts: Accounts, secret: string): Promise<string | undefined> => {
  const { database, mail, address } = accounts
  const found = await findNotMine(accounts, secret)
  if (found === undefined) return undefined
  const { person, email } = found
  const { language = 'en' } = (await findAccountOf(database, person)) ?? {}
  const told = 'The e-mail address was taken off the account: whoever reads its mail says that they did not make it'
  const event = { person, by: 'reader of the address', action: 'U', told } as const
  const isTaken = await recordingAccount(accounts, event, async connection => {
    await lockAccount(connection, person)
    if (!(await takeLink(connection, secret)) || !(await takeAddressOff(connection, found))) return undefined
    await dropLinks(connection, person)
    return true
  })
  if (isTaken === undefined) return undefined
  await mail?.send(takenOffLetter(wordsFor(language), email, address()))
  return email
}
