import { wordsFor } from '../../messages/catalogue.ts'
import { mayTry } from '../../storage/account/attempt.ts'
import { dropInvitations, findLink, type Link, makeLink, takeLink } from '../../storage/account/link.ts'
import { findAccountOf, verifyAddress } from '../../storage/account/user-account.ts'
import type { Accounts } from '../accounts.ts'
import { verificationLetter } from '../letters.ts'
import { linkMinutes } from './link-minutes.ts'
import { notMinePath } from './not-mine.ts'
import { letters } from './sign-up.ts'

/** Writes to the address of an account that was made without a letter. */
export const askForVerification = async (accounts: Accounts, person: string): Promise<void> => {
  const { database, secretKey, mail, address } = accounts
  const account = await findAccountOf(database, person)
  if (account?.email === undefined || account.isVerified) return
  const { email, language } = account
  if (!(await mayTry(database, secretKey, letters, email))) return
  const secret = await makeLink(database, { purpose: 'verification', person, email }, linkMinutes)
  const link = `${address()}/verification?link=${secret}`
  const notMine = `${address()}${await notMinePath(accounts, { person, email })}`
  await mail?.send(verificationLetter(wordsFor(language), email, { link, notMine }), linkMinutes)
}

/** The account whose address would be confirmed; undefined if the link is over. */
export const findVerification = async ({ database }: Accounts, secret: string): Promise<Verification | undefined> => {
  const link = await findLink(database, secret)
  return link?.purpose === 'verification' ? link : undefined
}

type Verification = Extract<Link, { purpose: 'verification' }>

/**
 * False if the link is over, or the account has another address by now or is not signed in: a mistyped address belongs to somebody else, who
 * could then choose a new password with it.
 */
export const verify = async (accounts: Accounts, secret: string, signedIn: string | undefined): Promise<boolean> => {
  const link = await findVerification(accounts, secret)
  if (link === undefined || link.person !== signedIn) return false
  return accounts.database.transaction(async connection => {
    if (!(await takeLink(connection, secret)) || !(await verifyAddress(connection, link))) return false
    await dropInvitations(connection, link.email)
    return true
  })
}
