import type { Accounts } from '../../accounts/accounts.ts'
import { findAccountByEmail } from '../../storage/account/user-account.ts'
import type { Invitation } from '../../storage/study/invitation.ts'

/** The invited address, unless somebody has an account with it. If undefined, they have to say which address the account is to have. */
export const findInvitedAddress = async (accounts: Accounts, invitation: Invitation): Promise<string | undefined> =>
  invitation.channel === 'email' && (await findHolder(accounts, invitation)) === undefined
    ? invitation.address
    : undefined

/** The account with the invited address. */
export const findHolder = async ({ database }: Accounts, { channel, address }: Invitation) =>
  channel === 'email' ? findAccountByEmail(database, address) : undefined
