import { wordsFor } from '../messages/catalogue.ts'
import { mayTry } from '../storage/account/attempt.ts'
import { findLink, makeLink, takeLink } from '../storage/account/link.ts'
import { findAccountOf, verifyAddress } from '../storage/user-account.ts'
import type { Accounts } from './accounts.ts'
import { verificationLetter } from './letters.ts'
import { letters } from './sign-up.ts'

/** Writes to the address of an account that was not opened by a letter. */
export const askForVerification = async (accounts: Accounts, person: string): Promise<void> => {
  const { database, secretKey, mail, address } = accounts
  const account = await findAccountOf(database, person)
  if (account === undefined || account.isVerified) return
  const { email, language } = account
  if (!(await mayTry(database, secretKey, letters, email))) return
  const secret = await makeLink(database, { purpose: 'verification', person, email }, 24 * 60)
  mail?.send(verificationLetter(wordsFor(language), email, `${address()}/verification?link=${secret}`))
}

/** The address that would be confirmed; undefined where the link is over. */
export const findVerification = async ({ database }: Accounts, secret: string): Promise<string | undefined> => {
  const link = await findLink(database, secret)
  return link?.purpose === 'verification' ? link.email : undefined
}

/** False where the link is over, or the account has another address by now. */
export const verify = async ({ database }: Accounts, secret: string): Promise<boolean> => {
  const link = await findLink(database, secret)
  if (link?.purpose !== 'verification') return false
  return database.transaction(
    async connection => (await takeLink(connection, secret)) && (await verifyAddress(connection, link)),
  )
}
