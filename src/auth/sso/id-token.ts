/** https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation */

import { createLocalJWKSet, decodeProtectedHeader, type JWK, type JWTPayload, jwtVerify } from 'jose'
import type { KeySets } from '../client/key-sets.ts'

type Expected = {
  readonly issuer: string
  readonly clientId: string
  readonly nonce: string
  readonly keySets: KeySets
  readonly keySetUrl: string
}

export type IdToken = JWTPayload & { readonly sub: string }

/** Throws if it is not signed by the provider, for us, now, and for this very request. */
export const verifyIdToken = async (
  text: string,
  { issuer, clientId, nonce, keySets, keySetUrl }: Expected,
): Promise<IdToken> => {
  const { kid = '' } = decodeProtectedHeader(text)
  const keys = (await keySets.find(keySetUrl, kid)) as readonly JWK[]
  const { payload } = await jwtVerify(text, createLocalJWKSet({ keys: [...keys] }), {
    issuer,
    audience: clientId,
    algorithms,
    requiredClaims: ['sub', 'iat', 'exp'],
    clockTolerance: clockSkewSeconds,
  })
  const { sub, azp, aud, nonce: repeated } = payload
  if (repeated !== nonce) throw new Error('its nonce is not the one that was sent')
  if (azp === undefined ? Array.isArray(aud) && aud.length > 1 : azp !== clientId)
    throw new Error('it was issued to another client')
  if (typeof sub !== 'string' || sub.trim() === '' || sub.length > 255) throw new Error('its sub is no name')
  return { ...payload, sub }
}

/** Only signatures with key pairs: a secret that both sides have proves nothing. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
export const clockSkewSeconds = 60
