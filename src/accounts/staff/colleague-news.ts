import { wordsFor } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import { findAccountOf, isAddressed } from '../../storage/account/user-account.ts'
import { personOfPractitioner } from '../../storage/organization/organization.ts'
import type { Accounts } from '../accounts.ts'
import { afterwards } from '../tell.ts'

/** What somebody else has changed of where a colleague works. `name`: of the organization, or the title of the study. */
export type ColleagueNews = {
  readonly kind: 'role-changed' | 'role-ended' | 'staff-named' | 'staff-changed' | 'staff-removed'
  readonly name: string
}

/** Writes it to them, if they have an account with an address that they have confirmed. */
export const tellColleague = (accounts: Accounts, practitioner: string, { kind, name }: ColleagueNews): Promise<void> =>
  afterwards(accounts, async () => {
    const { database, mail, address } = accounts
    const person = await personOfPractitioner(database, practitioner)
    const account = person === undefined ? undefined : await findAccountOf(database, person)
    if (!account?.isVerified || !isAddressed(account)) return
    const { say } = wordsFor(account.language)
    // Whoever names an organization or a study adds no lines to a letter, and turns round nothing in it.
    const named = { name: isolated(name.replace(/\s+/g, ' ')) }
    const news = say(`letter.${kind}.text`, named)
    await mail?.send({
      to: account.email,
      subject: say(`letter.${kind}.subject`, named),
      text: say('letter.colleague', { news, address: address() }),
    })
  })
