import { type Words, wordsFor } from '../../messages/catalogue.ts'
import type { Letter } from '../../messages/mail.ts'
import { type Limit, mayTry } from '../../storage/account/attempt.ts'
import { makeLink } from '../../storage/account/link.ts'
import { type AddressedAccount, findAccountByEmail, toAddress } from '../../storage/account/user-account.ts'
import type { Accounts } from '../accounts.ts'
import { alreadyLetter, signUpLetter, unconfirmedLetter } from '../letters.ts'
import { linkMinutes } from './link-minutes.ts'
import { notMinePath } from './not-mine.ts'

/**
 * Only writes to the address: the account is made by whoever opens the letter's link, so that nobody makes one with an address that is not
 * theirs, or a second one. Only the letter says whether there is an account already.
 */
export const askForAccount = async (accounts: Accounts, email: string, words: Words): Promise<void> => {
  const { database, secretKey, mail, address } = accounts
  const to = toAddress(email)
  const mayWrite = await mayTry(database, secretKey, letters, to)
  const account = await findAccountByEmail(database, to)
  // Made in any case, so that it always takes the same time; if the address is confirmed, nobody gets the link.
  const path = account?.isVerified === false ? await notMinePath(accounts, account) : await newAccountPath(accounts, to)
  if (!mayWrite) return
  const link = `${address()}${path}`
  const letter = account === undefined ? signUpLetter(words, to, link) : letterToKnown(account, words, address(), link)
  await mail?.send(letter, linkMinutes)
}

const newAccountPath = async ({ database }: Accounts, email: string): Promise<string> => {
  const link = { purpose: 'new-account', email, administrator: false, wasSent: true } as const
  return `/new-account?link=${await makeLink(database, link, linkMinutes)}`
}

/** In the language of the account's holder, or, if it is not certain that they read the mail, in that of whoever asked. */
const letterToKnown = (
  { email, isVerified, language }: AddressedAccount,
  asking: Words,
  address: string,
  notMine: string,
): Letter =>
  isVerified
    ? alreadyLetter(wordsFor(language), email, address)
    : unconfirmedLetter(asking, email, { wanted: 'account', address, notMine })

/** Keeps people from being flooded with letters that they did not ask for. */
export const letters: Limit = { what: 'letter', tries: 4, minutes: 60 }

export const newAccountUrl = ({ address }: Pick<Accounts, 'address'>, secret: string): string =>
  `${address()}/new-account?link=${secret}`
