import { startError } from '../start-error.ts'
import { emailDomains, httpsUrl, issuerUrl, matching, oneOf, signingCertificates } from './accepted.ts'
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
  samlEntityId: option({
    name: 'SAML_ENTITY_ID',
    otherwise: 'no sign-in at an institution',
    accepts: 'the entityID as the metadata of the provider has it',
    effect:
      'Identity provider of an institution, by SAML 2.0, if it does not speak OpenID Connect; SAML_SIGN_IN_URL, SAML_CERTIFICATE and SSO_DOMAINS go with it.',
    parse: matching(/^\S{1,1024}$/),
  }),
  samlSignInUrl: option({
    name: 'SAML_SIGN_IN_URL',
    otherwise: 'needed with SAML_ENTITY_ID',
    accepts: 'an https URL',
    effect: 'Where the provider accepts AuthnRequests by HTTP-Redirect.',
    parse: httpsUrl,
  }),
  samlCertificate: option({
    name: 'SAML_CERTIFICATE',
    otherwise: 'needed with SAML_ENTITY_ID',
    accepts: 'a file of certificates in PEM, with RSA keys of 2048 bits or more',
    effect: 'File of the certificate that the provider signs with. If it holds several, any of them may have signed.',
    parse: signingCertificates,
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
      'Domains whose addresses belong to the institution. Only a user with one of these is linked to an account, or given a new one.',
    parse: emailDomains,
  }),
  ssoSignUp: option({
    name: 'SSO_SIGN_UP',
    otherwise: 'what SIGN_UP says',
    accepts: 'one of open, invitation, closed',
    effect:
      'Who of the institution may make an account: `open`: everybody with a confirmed address of SSO_DOMAINS; `invitation`: whoever of them the operator has invited; `closed`: nobody.',
    parse: oneOf('open', 'invitation', 'closed'),
  }),
  ssoSecondFactor: setting({
    name: 'SSO_SECOND_FACTOR',
    fallback: 'none',
    accepts: 'one of none, told, always',
    effect:
      'Whether the sign-in at the institution counts as a second factor: `none`: never; `told`: when the provider says that it asked for one; `always`.',
    parse: oneOf('none', 'told', 'always'),
  }),
}

type SsoConfig = {
  readonly [Name in keyof typeof ssoVariables]: ReturnType<(typeof ssoVariables)[Name]['read']>
} & { readonly outboundOrigins: readonly string[] }

/** Refuses settings of which one needs the other. */
export const refuseIncompleteSso = (config: SsoConfig): void => {
  const [provider, another] = providers.filter(({ key }) => config[key] !== undefined)
  if (another !== undefined)
    throw startError('OIDC_ISSUER and SAML_ENTITY_ID are both set, and there is one institution: set one of them')
  for (const each of providers) refuseLonePart(config, each)
  if (provider !== undefined && config.ssoDomains.length === 0)
    throw startError(
      `${provider.name} is set without SSO_DOMAINS: name the domains of the addresses that the institution gives`,
    )
  refusePlainIssuer(config)
}

const providers = [
  {
    name: 'OIDC_ISSUER',
    key: 'oidcIssuer',
    parts: [
      ['OIDC_CLIENT_ID', 'oidcClientId'],
      ['OIDC_CLIENT_SECRET', 'oidcClientSecret'],
    ],
  },
  {
    name: 'SAML_ENTITY_ID',
    key: 'samlEntityId',
    parts: [
      ['SAML_SIGN_IN_URL', 'samlSignInUrl'],
      ['SAML_CERTIFICATE', 'samlCertificate'],
    ],
  },
] as const

const refuseLonePart = (config: SsoConfig, { name, key, parts }: (typeof providers)[number]): void => {
  for (const [part, of] of parts) {
    if (config[key] === undefined && config[of] !== undefined) throw startError(`${part} is set without ${name}`)
    if (config[key] !== undefined && config[of] === undefined) throw startError(`${name} is set without ${part}`)
  }
}

const refusePlainIssuer = ({ oidcIssuer, outboundOrigins }: SsoConfig): void => {
  const { protocol, origin } = new URL(oidcIssuer ?? 'https://localhost')
  if (protocol === 'http:' && !outboundOrigins.includes(origin))
    throw startError(`OIDC_ISSUER is without TLS: set it to an https URL, or allow ${origin} by OUTBOUND_ORIGINS`)
}
