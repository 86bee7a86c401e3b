import { wordsFor } from '../messages/catalogue.ts'
import { findAccountOf, isAddressed } from '../storage/account/user-account.ts'
import type { Accounts } from './accounts.ts'
import { type AccountNews, newsLetter } from './letters.ts'

/** Writes to the person what happened to their account, in case it was somebody else. */
export const tell = async ({ database, mail, address }: Accounts, person: string, news: AccountNews): Promise<void> => {
  const account = await findAccountOf(database, person)
  if (account?.isVerified && isAddressed(account))
    await mail?.send(newsLetter(wordsFor(account.language), account.email, news, address()))
}
