/** https://hl7.org/fhir/smart-app-launch/conformance.html#using-well-known */

import type { Outbound } from '../../messages/outbound.ts'
import type { EhrMetadata } from '../../storage/ehr/launch.ts'
import { type Refused, refused } from './refusal.ts'

type Found = { readonly kind: 'found'; readonly metadata: EhrMetadata }

/** Asks an EHR for its metadata. Only configured ones are asked: the issuer comes from the table, never from a request. */
export const discoverEhr = async (outbound: Pick<Outbound, 'send'>, issuer: string): Promise<Found | Refused> => {
  const url = `${issuer}/.well-known/smart-configuration`
  try {
    const answer = await outbound.send({ url, method: 'GET', headers: { accept: 'application/json' } })
    if (answer.status !== 200)
      return refused('unreachable', `its smart-configuration answered ${answer.status}`, issuer)
    return judge(issuer, JSON.parse(answer.body))
  } catch (error) {
    // A parser's message would quote what it read.
    const reason =
      error instanceof SyntaxError ? 'it is no JSON' : error instanceof Error ? error.message : String(error)
    return refused('unreachable', `its smart-configuration: ${reason}`, issuer)
  }
}

const judge = (issuer: string, said: unknown): Found | Refused => {
  const { code_challenge_methods_supported: methods, ...metadata } = Object(said) as Record<string, unknown>
  const unfit = (reason: string) => refused('unfit', reason, issuer)
  if (!Array.isArray(methods) || !methods.includes('S256')) return unfit('it does not support PKCE with S256')
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'])
    if (!isWeb(metadata[name])) return unfit(`its ${name} is no http or https URL`)
  // The browser takes the launch there, which needs TLS unless the EHR as a whole has none.
  if (isPlain(metadata.authorization_endpoint) && !isPlain(issuer))
    return unfit('its authorization_endpoint is without TLS')
  const own = metadata.issuer ?? issuer
  if (typeof own !== 'string') return unfit('its issuer is no text')
  return { kind: 'found', metadata: { ...toMetadata(metadata), issuer: own } }
}

const isWeb = (value: unknown): value is string =>
  typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? '')

const isPlain = (value: unknown): boolean => typeof value === 'string' && URL.parse(value)?.protocol === 'http:'

/** Only what is used later. */
const toMetadata = (said: Record<string, unknown>): Omit<EhrMetadata, 'issuer'> => ({
  authorization_endpoint: String(said.authorization_endpoint),
  token_endpoint: String(said.token_endpoint),
  jwks_uri: String(said.jwks_uri),
  ...texts(said, 'token_endpoint_auth_methods_supported'),
  ...texts(said, 'token_endpoint_auth_signing_alg_values_supported'),
  ...(said.authorization_response_iss_parameter_supported === true
    ? { authorization_response_iss_parameter_supported: true }
    : {}),
})

const texts = (said: Record<string, unknown>, name: string) => {
  const value = said[name]
  return Array.isArray(value) ? { [name]: value.filter(one => typeof one === 'string') } : {}
}
