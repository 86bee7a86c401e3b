import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { Letter } from '../../messages/mail.ts'
import { type Limit, mayTry } from '../../storage/account/attempt.ts'
import { makeLink } from '../../storage/account/link.ts'
import { findAccountByEmail, toAddress, type UserAccount } from '../../storage/account/user-account.ts'
import type { Accounts } from '../accounts.ts'
import { alreadyLetter, signUpLetter, unconfirmedLetter } from '../letters.ts'

/**
 * Writes to the address, and nothing more: an account is made by whoever opens the letter's link, so nobody makes one of
 * an address that is not theirs, nor a second one. Only the letter tells whether there is one already.
 */
export const askForAccount = async (accounts: Accounts, email: string, words: Words): Promise<void> => {
  const { database, secretKey, mail, address } = accounts
  const to = toAddress(email)
  const mayWrite = await mayTry(database, secretKey, letters, to)
  const account = await findAccountByEmail(database, to)
  // Made in any case, so that both take as long; of an address that has an account it reaches nobody.
  const secret = await makeLink(
    database,
    { purpose: 'new-account', email: to, administrator: false, wasSent: true },
    linkMinutes,
  )
  if (!mayWrite) return
  const letter =
    account === undefined
      ? signUpLetter(words, to, newAccountUrl(accounts, secret))
      : letterToKnown(account, words, address())
  await mail?.send(letter, linkMinutes)
}

/** In the language of whoever has the account, and where that is not known to be who reads it in that of whoever has asked. */
const letterToKnown = ({ email, isVerified, language }: UserAccount, asking: Words, address: string): Letter =>
  isVerified ? alreadyLetter(wordsFor(language), email, address) : unconfirmedLetter(asking, email, address)

/** How long the link of a letter to an address works. */
export const linkMinutes = 24 * 60

/** Nobody is flooded with letters that they did not ask for. */
export const letters: Limit = { what: 'letter', tries: 4, minutes: 60 }

export const newAccountUrl = ({ address }: Pick<Accounts, 'address'>, secret: string): string =>
  `${address()}/new-account?link=${secret}`
