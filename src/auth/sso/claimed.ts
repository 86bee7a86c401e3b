import { emailProblem } from '../../accounts/email.ts'
import type { Config } from '../../config.ts'
import type { SsoArrival } from '../../storage/account/sso.ts'
import { toAddress } from '../../storage/user-account.ts'

/** What an identity provider says of its user, in the words of its protocol no more. */
export type Claimed = {
  readonly email: unknown
  readonly isEmailVerified: boolean
  readonly name: unknown
  /** Whether the provider says that it asked for several factors. */
  readonly toldMultiFactor: boolean
}

export type ClaimRules = Pick<Config, 'ssoDomains' | 'ssoSecondFactor'>

/** What counts of it here. */
export const toArrived = (
  { ssoDomains, ssoSecondFactor }: ClaimRules,
  { email, isEmailVerified, name, toldMultiFactor }: Claimed,
): Pick<SsoArrival, 'email' | 'name' | 'isMultiFactor'> => {
  const address = typeof email === 'string' && isEmailVerified ? toAddress(email) : ''
  const belongs = emailProblem(address) === undefined && ssoDomains.includes(address.split('@')[1] ?? '')
  return {
    isMultiFactor: ssoSecondFactor === 'always' || (ssoSecondFactor === 'told' && toldMultiFactor),
    ...(belongs ? { email: address } : {}),
    ...(typeof name === 'string' && /^[^\p{Cc}]{1,200}$/u.test(name.trim()) ? { name: name.trim() } : {}),
  }
}

/** https://refeds.org/profile/mfa */
export const refedsMultiFactor = 'https://refeds.org/profile/mfa'
