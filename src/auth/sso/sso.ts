import type { SsoAccounts } from '../../accounts/sign-in/sso-account.ts'
import type { Config } from '../../config.ts'
import { openSsoArrivals, type SsoArrivals } from './arrivals.ts'
import type { Oidc, OidcParts } from './oidc.ts'
import type { Saml } from './saml.ts'

/** Sign-in at the institution whose identity provider is configured. */
export type Sso = {
  /** Its name for people. */
  readonly institution: string
  /** The protocol by which we talk to it. */
  readonly protocol: Oidc | Saml
  readonly arrivals: SsoArrivals
  /** Whether it creates accounts for people who have none. */
  readonly makesAccounts: boolean
}

export type SsoParts = Omit<OidcParts, 'issuer' | 'clientId' | 'clientSecret' | 'rules'> &
  Pick<SsoAccounts, 'accounts' | 'identities'> & { readonly config: Config }

/** Undefined if none is configured. The libraries of the protocols are loaded only if one is. */
export const openSso = async ({ config, accounts, identities, ...parts }: SsoParts): Promise<Sso | undefined> => {
  const protocol = await openProtocol(config, parts)
  const issuer = config.oidcIssuer ?? config.samlEntityId
  if (protocol === undefined || issuer === undefined) return undefined
  const institution = config.ssoName ?? URL.parse(config.samlSignInUrl ?? issuer)?.host ?? issuer
  const signUp = config.ssoSignUp ?? config.signUp
  return {
    institution,
    protocol,
    arrivals: openSsoArrivals({ accounts, identities, institution, signUp }, issuer),
    makesAccounts: signUp !== 'closed',
  }
}

/** The configuration has made sure that each protocol has what it needs. */
const openProtocol = async (
  config: Config,
  parts: Omit<SsoParts, 'config' | 'accounts' | 'identities'>,
): Promise<Oidc | Saml | undefined> => {
  const { oidcIssuer, oidcClientId: clientId, oidcClientSecret: clientSecret } = config
  if (oidcIssuer !== undefined && clientId !== undefined && clientSecret !== undefined) {
    const { openOidc } = await import('./oidc.ts')
    return openOidc({ ...parts, issuer: oidcIssuer, clientId, clientSecret, rules: config })
  }
  const { samlEntityId, samlSignInUrl: signInUrl, samlCertificate: certificates } = config
  if (samlEntityId === undefined || signInUrl === undefined || certificates === undefined) return undefined
  const { openSaml } = await import('./saml.ts')
  const { database, address } = parts
  return openSaml({ database, address, issuer: samlEntityId, signInUrl, certificates, rules: config })
}
