/** https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata */

import type { Outbound } from '../../messages/outbound.ts'

export type ProviderMetadata = {
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  /** Absent if there is none, or it may not be asked. */
  readonly userinfo_endpoint?: string
  /** Where it takes the client's secret: in the header unless it says otherwise. */
  readonly secretIn: 'header' | 'form' | 'either'
  /** Whether each answer has to name the issuer. https://www.rfc-editor.org/rfc/rfc9207 */
  readonly namesIssuer: boolean
}

/** Throws if the provider cannot be asked, or offers less than a safe sign-in needs. */
export const discoverProvider = async (outbound: Pick<Outbound, 'send'>, issuer: string): Promise<ProviderMetadata> => {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const answer = await outbound.send({ url, method: 'GET', headers: { accept: 'application/json' } })
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}`)
  const said = Object(JSON.parse(answer.body)) as Record<string, unknown>
  if (said.issuer !== issuer) throw new Error('its issuer is another than OIDC_ISSUER, letter by letter')
  const { code_challenge_methods_supported: challenges, token_endpoint_auth_methods_supported: methods } = said
  // Not all that support it say so, but one that lists others does not.
  if (Array.isArray(challenges) && !challenges.includes('S256')) throw new Error('it does not support PKCE with S256')
  return {
    authorization_endpoint: webUrl(said, 'authorization_endpoint', issuer),
    token_endpoint: webUrl(said, 'token_endpoint', issuer),
    jwks_uri: webUrl(said, 'jwks_uri', issuer),
    ...(isSafe(said.userinfo_endpoint, issuer) ? { userinfo_endpoint: said.userinfo_endpoint } : {}),
    secretIn: secretInBy(Array.isArray(methods) ? methods : []),
    namesIssuer: said.authorization_response_iss_parameter_supported === true,
  }
}

const secretInBy = (methods: readonly unknown[]): ProviderMetadata['secretIn'] => {
  if (!methods.includes('client_secret_post')) return 'header'
  return methods.includes('client_secret_basic') ? 'either' : 'form'
}

const webUrl = (said: Record<string, unknown>, name: string, issuer: string): string => {
  const value = said[name]
  if (isSafe(value, issuer)) return value
  throw new Error(`its ${name} is no https URL`)
}

/** Only with TLS, unless the provider as a whole has none. */
const isSafe = (value: unknown, issuer: string): value is string => {
  const protocol = typeof value === 'string' ? URL.parse(value)?.protocol : undefined
  return protocol === 'https:' || (protocol === 'http:' && issuer.startsWith('http:'))
}
