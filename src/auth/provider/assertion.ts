import { decodeProtectedHeader } from 'jose'
import { errors } from 'oidc-provider'
import type { ClientMetadata } from '../../storage/authorization/client-registration.ts'
import { type ClientKey, keyRefusal } from '../client/client-key.ts'
import type { KeySets } from '../client/key-sets.ts'

const typeByAlgorithm: Readonly<Record<string, string>> = { RS384: 'RSA', ES384: 'EC' }

/** What may pass between the clocks of two machines. */
export const clockSkewSeconds = 15
const mostSeconds = 300

type Said = Readonly<Record<string, unknown>>

/** What SMART demands of an assertion beyond RFC 7523, when the library has found it signed by the key of its kid. Throws invalid_client. */
export const checkAssertion = (claims: Said, header: Said, jwksUri: string | undefined, now = Date.now()): void => {
  const refuse = (reason: string): never => {
    throw new errors.InvalidClientAuth(reason)
  }
  // SMART's clients say it; what OpenID Connect's own libraries sign by themselves has none, as RFC 7515 leaves open.
  if (header.typ !== undefined && String(header.typ).toUpperCase() !== 'JWT') refuse('typ must be JWT')
  // "no more than five minutes in the future".
  if (Number(claims.exp) > now / 1000 + mostSeconds + clockSkewSeconds) refuse('exp is too far ahead')
  if (header.jku !== undefined && header.jku !== jwksUri) refuse('jku is not the registered JWKS URL')
}

/**
 * The client's only key of the kid and type that the assertion names; none where there are several, or it cannot be had or used:
 * "If there are zero or multiple keys matching, the authentication fails".
 */
export const keysFor = async (
  assertion: unknown,
  { jwks, jwks_uri }: Pick<ClientMetadata, 'jwks' | 'jwks_uri'>,
  keySets: KeySets,
): Promise<readonly ClientKey[]> => {
  const header = headerOf(assertion)
  if (header === undefined) return []
  const keys = jwks_uri === undefined ? (jwks?.keys ?? []) : await keySets.find(jwks_uri, header.kid).catch(() => [])
  const matching = keys.filter(key => key.kid === header.kid && key.kty === typeByAlgorithm[header.alg])
  return matching.length === 1 && matching.every(key => keyRefusal(key) === undefined) ? matching : []
}

const headerOf = (assertion: unknown): { readonly kid: string; readonly alg: string } | undefined => {
  try {
    const { kid, alg } = decodeProtectedHeader(String(assertion))
    return kid === undefined || alg === undefined ? undefined : { kid, alg }
  } catch {
    return undefined
  }
}
