import { emailProblem } from '../../accounts/sign-up/email.ts'
import type { Config } from '../../config.ts'
import type { SsoArrival } from '../../storage/account/sso.ts'
import { toAddress } from '../../storage/account/user-account.ts'

/** What an identity provider says about its user, no longer in the words of its protocol. */
export type Claimed = {
  readonly email: unknown
  /** Why that could not be read which it says beside what it signed. */
  readonly unread?: string | undefined
  readonly isEmailVerified: boolean
  readonly name: unknown
  /** Whether the provider says that it required several factors. */
  readonly toldMultiFactor: boolean
}

export type ClaimRules = Pick<Config, 'ssoDomains' | 'ssoSecondFactor'>

/** What we make of it here. */
export const toArrived = (rules: ClaimRules, claimed: Claimed): Omit<SsoArrival, 'issuer' | 'subject'> => {
  const { name, toldMultiFactor } = claimed
  const { ssoSecondFactor } = rules
  return {
    isMultiFactor: ssoSecondFactor === 'always' || (ssoSecondFactor === 'told' && toldMultiFactor),
    ...addressIn(rules, claimed),
    ...(typeof name === 'string' && /^[^\p{Cc}]{1,200}$/u.test(name.trim()) ? { name: name.trim() } : {}),
  }
}

const addressIn = (
  { ssoDomains }: ClaimRules,
  { email, unread, isEmailVerified }: Claimed,
): Pick<SsoArrival, 'email' | 'noEmail'> => {
  if (typeof email !== 'string')
    return {
      noEmail: `what it signed has no e-mail address${unread === undefined ? '' : `, and its UserInfo could not be read: ${unread}`}`,
    }
  if (!isEmailVerified) return { noEmail: 'it has not said that the e-mail address is confirmed' }
  const address = toAddress(email)
  // An institution signs addresses as they are, and one that only looks like somebody's is not theirs.
  const isAltered = address !== email.trim().normalize('NFC').toLowerCase()
  if (isAltered || [...email].some(becomesAscii) || emailProblem(address) !== undefined)
    return { noEmail: 'its e-mail address is not well-formed' }
  return ssoDomains.includes(address.split('@')[1] ?? '')
    ? { email: address }
    : { noEmail: 'its e-mail address is of none of SSO_DOMAINS' }
}

/** Whether it is read as a letter that it only looks like, as the Kelvin sign is as a k. */
const becomesAscii = (letter: string): boolean => !isAscii(letter) && isAscii(letter.normalize('NFC').toLowerCase())

const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

/** https://refeds.org/profile/mfa */
export const refedsMultiFactor = 'https://refeds.org/profile/mfa'
