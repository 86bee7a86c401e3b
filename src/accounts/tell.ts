import { wordsFor } from '../messages/catalogue.ts'
import { findAccountOf, isAddressed } from '../storage/account/user-account.ts'
import type { Accounts } from './accounts.ts'
import { type AccountNews, newsLetter } from './letters.ts'

/** Writes to the person what happened to their account, in case it was somebody else. */
export const tell = (accounts: Accounts, person: string, news: AccountNews): Promise<void> =>
  afterwards(accounts, async () => {
    const { database, mail, address } = accounts
    const account = await findAccountOf(database, person)
    if (account?.isVerified && isAddressed(account))
      await mail?.send(newsLetter(wordsFor(account.language), account.email, news, address()))
  })

/**
 * For what follows something that is done already. If it fails, because the database has gone away, that is reported, and the person is answered that
 * it is done: otherwise they would try again what can be done only once.
 */
export const afterwards = ({ reportFault }: Pick<Accounts, 'reportFault'>, run: () => Promise<void>): Promise<void> =>
  run().catch(reportFault)
