import { wordsFor } from '../../messages/catalogue.ts'
import { dropLinks, findLink, type Link, makeLink, takeLink } from '../../storage/account/link.ts'
import {
  type AddressedAccount,
  findAccountOf,
  lockAccount,
  takeAddressOff,
} from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import { recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { takenOffLetter } from '../letters.ts'
import { afterwards } from '../tell.ts'
import { linkMinutes } from './link-minutes.ts'

/** An account with an address of which somebody says that it is theirs, and not the holder's. */
export type NotMine = Extract<Link, { purpose: 'not-mine' }>

/**
 * Answers the path of a link by which somebody who reads the mail of the address takes it off the account: for letters to the address, and for
 * people who have come by what was sent there. It does nothing if somebody has confirmed the address, or nobody has an account with it.
 */
export const notMinePath = async (
  { database }: { readonly database: Connection },
  { person = '', email }: Partial<Pick<AddressedAccount, 'person'>> & Pick<AddressedAccount, 'email'>,
): Promise<string> =>
  `/not-my-account?link=${await makeLink(database, { purpose: 'not-mine', person, email }, linkMinutes)}`

/** Undefined if the link is over, or somebody has confirmed the address meanwhile. */
export const findNotMine = async ({ database }: Accounts, secret: string): Promise<NotMine | undefined> => {
  const link = await findLink(database, secret)
  if (link?.purpose !== 'not-mine') return undefined
  const account = await findAccountOf(database, link.person)
  return account?.email === link.email && !account.isVerified ? link : undefined
}

/**
 * This lets nobody into the account, and its holder keeps it with everything in it: they sign in with the address and password as before, until
 * they have given an address that is theirs. Links to the account that anybody still has end. Answers the address; undefined if the link is
 * over.
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
  await afterwards(accounts, async () => mail?.send(takenOffLetter(wordsFor(language), email, address())))
  return email
}
