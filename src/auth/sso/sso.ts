import type { SsoAccounts } from '../../accounts/sso-account.ts'
import type { Config } from '../../config.ts'
import { openSsoArrivals, type SsoArrivals } from './arrivals.ts'
import { type Oidc, type OidcParts, openOidc } from './oidc.ts'

/** Sign-in at the institution whose identity provider is configured. */
export type Sso = Oidc & {
  /** As people call it. */
  readonly institution: string
  readonly arrivals: SsoArrivals
}

export type SsoParts = Omit<OidcParts, 'issuer' | 'clientId' | 'clientSecret' | 'rules'> &
  Pick<SsoAccounts, 'accounts' | 'identities'> & { readonly config: Config }

/** Undefined where none is configured. */
export const openSso = ({ config, accounts, identities, ...parts }: SsoParts): Sso | undefined => {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcClientSecret: clientSecret } = config
  if (issuer === undefined || clientId === undefined || clientSecret === undefined) return undefined
  const institution = config.ssoName ?? new URL(issuer).host
  const signUp = config.ssoSignUp ?? config.signUp
  return {
    institution,
    ...openOidc({ ...parts, issuer, clientId, clientSecret, rules: config }),
    arrivals: openSsoArrivals({ accounts, identities, institution, signUp }, issuer),
  }
}
