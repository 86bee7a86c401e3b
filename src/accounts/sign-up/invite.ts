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
  /** Id of the Person that there is already, whose account it becomes. */
  readonly person?: string
  readonly administrator: boolean
}

/** The operator's link for one person; days for who makes an account, minutes for who has one. */
export type OperatorsLink = {
  readonly url: string
  readonly minutes: number
  /** The account that it opens, where there is one already. */
  readonly account?: Pick<UserAccount, 'isVerified' | 'administrator'>
}

/** Whom the operator hands the link proves nothing about the address by opening it. */
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
  const secret = await makeLink(
    database,
    { purpose: 'new-password', person: known, wasSent: false },
    newPasswordMinutes,
  )
  const account = await findAccountOf(database, known)
  return { url: newPasswordUrl({ address }, secret), minutes: newPasswordMinutes, ...(account && { account }) }
}
