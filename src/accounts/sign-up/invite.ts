import { FhirError } from '../../fhir/error.ts'
import { makeLink } from '../../storage/account/link.ts'
import {
  findAccountByEmail,
  findAccountOf,
  openAccount,
  toAddress,
  type UserAccount,
} from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import type { Accounts } from '../accounts.ts'
import { newPasswordMinutes, newPasswordUrl } from '../password/new-password.ts'
import { newAccountUrl } from './sign-up.ts'

export type Invited = {
  readonly email: string
  /** Id of an existing Person whose account it becomes. */
  readonly person?: string
  readonly administrator: boolean
}

/** The operator's link for one person. It works for days if they have to make an account, and for minutes if they have one. */
export type OperatorsLink = {
  readonly url: string
  readonly minutes: number
  /** The account that it opens, if there is one. */
  readonly account?: Pick<UserAccount, 'isVerified' | 'administrator'>
}

/** Opening the link proves nothing about the address, since the operator hands it over in some other way. */
export const invite = async (
  { database, signUp, address }: Pick<Accounts, 'signUp' | 'address'> & { readonly database: Connection },
  { email, person, administrator }: Invited,
): Promise<OperatorsLink> => {
  const known =
    person === undefined
      ? (await findAccountByEmail(database, email))?.person
      : await openAccount(database, email, person)
  if (known === undefined) {
    if (signUp === 'closed') throw new FhirError('business-rule', 'SIGN_UP is closed: nobody may make an account')
    const minutes = 7 * 24 * 60
    const secret = await makeLink(
      database,
      { purpose: 'new-account', email: toAddress(email), administrator, wasSent: false },
      minutes,
    )
    return { url: newAccountUrl({ address }, secret), minutes }
  }
  const account = await findAccountOf(database, known)
  const link = { purpose: 'new-password', person: known, email: toAddress(email), wasSent: false } as const
  const given = administrator && account !== undefined && mayAdminister(account)
  const secret = await makeLink(database, given ? { ...link, administrator } : link, newPasswordMinutes)
  return { url: newPasswordUrl({ address }, secret), minutes: newPasswordMinutes, ...(account && { account }) }
}

/** Whoever signs in to an account that nobody has confirmed may be somebody else than the one who is meant. */
export const mayAdminister = ({
  isVerified,
  administrator,
}: Pick<UserAccount, 'isVerified' | 'administrator'>): boolean => isVerified && !administrator
