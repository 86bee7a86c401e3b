import { decodeProtectedHeader } from 'jose'
import { errors } from 'oidc-provider'
import { jsonText } from '../../fhir/json.ts'
import type { ClientMetadata } from '../../storage/authorization/client-registration.ts'
import { type ClientKey, keyRefusal } from '../client/client-key.ts'
import type { KeySets } from '../client/key-sets.ts'

const typeByAlgorithm: Readonly<Record<string, string>> = { RS384: 'RSA', ES384: 'EC' }

/** How far apart the clocks of two machines may be. */
export const clockSkewSeconds = 15
const mostSeconds = 300

type Said = Readonly<Record<string, unknown>>

/**
 * What SMART requires of an assertion beyond RFC 7523, once the library has found that it is signed with the key of its kid. Throws
 * invalid_client.
 */
export const checkAssertion = (claims: Said, header: Said, jwksUri: string | undefined): void => {
  const refuse = (reason: string): never => {
    throw new errors.InvalidClientAuth(reason)
  }
  // SMART's clients send it; assertions that OpenID Connect libraries sign have none, which RFC 7515 allows.
  if (header.typ !== undefined && !/^jwt$/i.test(jsonText(header.typ))) refuse('typ must be JWT')
  // "no more than five minutes in the future".
  if (Number(claims.exp) > Date.now() / 1000 + mostSeconds + clockSkewSeconds)
    refuse(`exp is too far ahead: it is in seconds since 1970, at most ${mostSeconds} from now`)
  if (header.jku !== undefined && header.jku !== jwksUri) refuse('jku is not the registered JWKS URL')
}

/**
 * The client's only key of the kid and type that the assertion names. Empty if there are several, or if it cannot be fetched or used: "If there
 * are zero or multiple keys matching, the authentication fails".
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
