import { startError } from '../start-error.ts'
import { emailDomains, issuerUrl, matching, oneOf } from './accepted.ts'
import { option, setting } from './setting.ts'

/** Sign-in at the one institution whose identity provider is configured. */
export const ssoVariables = {
  oidcIssuer: option({
    name: 'OIDC_ISSUER',
    otherwise: 'no sign-in at an institution',
    accepts: 'the issuer as the provider writes it, such as https://idp.example.org/realms/staff',
    effect:
      'Identity provider of an institution, by OpenID Connect; OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and SSO_DOMAINS go with it.',
    parse: issuerUrl,
  }),
  oidcClientId: option({
    name: 'OIDC_CLIENT_ID',
    otherwise: 'needed with OIDC_ISSUER',
    accepts: 'printable characters',
    effect: 'What the provider calls this server.',
    parse: matching(/^[\x20-\x7e]+$/),
  }),
  oidcClientSecret: option({
    name: 'OIDC_CLIENT_SECRET',
    otherwise: 'needed with OIDC_ISSUER',
    accepts: 'printable characters',
    effect: 'The secret that the provider gave this server.',
    parse: matching(/^[\x20-\x7e]+$/),
    secret: true,
  }),
  ssoName: option({
    name: 'SSO_NAME',
    otherwise: 'the host of the provider',
    accepts: 'up to 60 characters',
    effect: 'What people call the institution: "Sign in with …".',
    parse: matching(/^\P{Cc}{1,60}$/u),
  }),
  ssoDomains: setting({
    name: 'SSO_DOMAINS',
    fallback: 'none',
    accepts: 'domains of e-mail addresses such as example.org, separated by commas',
    effect:
      'Domains whose addresses belong to the institution: only with one of these is its user linked to an account, or given a new one.',
    parse: emailDomains,
  }),
  ssoSignUp: option({
    name: 'SSO_SIGN_UP',
    otherwise: 'what SIGN_UP says',
    accepts: 'one of open, invitation, closed',
    effect:
      'Who of the institution may make an account: everybody with a confirmed address of SSO_DOMAINS, whoever of them the operator has invited, or nobody.',
    parse: oneOf('open', 'invitation', 'closed'),
  }),
  ssoSecondFactor: setting({
    name: 'SSO_SECOND_FACTOR',
    fallback: 'none',
    accepts: 'one of none, told, always',
    effect:
      'Whether the sign-in at the institution counts as a second factor: never, when the provider says that it asked for one, or always.',
    parse: oneOf('none', 'told', 'always'),
  }),
}

type SsoConfig = {
  readonly [Name in keyof typeof ssoVariables]: ReturnType<(typeof ssoVariables)[Name]['read']>
} & { readonly outboundOrigins: readonly string[] }

/** What only goes together. */
export const refuseIncompleteSso = (config: SsoConfig): void => {
  const { oidcIssuer, oidcClientId, oidcClientSecret, ssoDomains, outboundOrigins } = config
  if (oidcIssuer === undefined) {
    if (oidcClientId !== undefined || oidcClientSecret !== undefined)
      throw startError('OIDC_CLIENT_ID or OIDC_CLIENT_SECRET is set without OIDC_ISSUER: set it, or neither')
    return
  }
  if (oidcClientId === undefined) throw startError('OIDC_ISSUER is set without OIDC_CLIENT_ID')
  if (oidcClientSecret === undefined) throw startError('OIDC_ISSUER is set without OIDC_CLIENT_SECRET')
  if (ssoDomains.length === 0)
    throw startError(
      'OIDC_ISSUER is set without SSO_DOMAINS: name the domains of the addresses that the institution gives',
    )
  const { protocol, origin } = new URL(oidcIssuer)
  if (protocol === 'http:' && !outboundOrigins.includes(origin))
    throw startError(`OIDC_ISSUER is without TLS: set it to an https URL, or allow ${origin} by OUTBOUND_ORIGINS`)
}
