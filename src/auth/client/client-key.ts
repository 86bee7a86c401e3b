/** https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html */

import { createPublicKey, type KeyObject } from 'node:crypto'

export const assertionAlgorithms = ['RS384', 'ES384'] as const

/** A public key as its client sent it. */
export type ClientKey = Readonly<Record<string, unknown>>

/** Why no assertion signed with the key would ever be accepted; undefined if one can be. */
export const keyRefusal = (key: ClientKey): string | undefined => {
  const found = refusals.find(([isWrong]) => isWrong(key))
  if (found === undefined) return undefined
  const [, reason] = found
  return typeof reason === 'string' ? reason : reason(`the key ${String(key.kid).slice(0, 100)}`, key)
}

type Refusal = readonly [
  isWrong: (key: ClientKey) => boolean,
  reason: string | ((name: string, key: ClientKey) => string),
]

/** Enough for a key of 4096 bits with its certificate; a longer one would slow down every check of a signature. */
const longestKey = 8192
const shortestModulus = 2048

/** Their order matters: each may rely on those before it. */
const refusals: readonly Refusal[] = [
  [({ kid }) => typeof kid !== 'string', 'each key must have a kid'],
  [
    ({ kty, crv }) => kty !== 'RSA' && !(kty === 'EC' && crv === 'P-384'),
    `keys must be for ${assertionAlgorithms.join(' or ')}`,
  ],
  [key => 'd' in key || 'k' in key, 'they must be public keys only'],
  [key => JSON.stringify(key).length > longestKey, `a key must have at most ${longestKey} characters`],
  [({ use = 'sig' }) => use !== 'sig', name => `the use of ${name} must be sig, or left out`],
  [
    ({ kty, alg }) => alg !== undefined && alg !== algorithmOf(kty),
    (name, { kty }) => `the alg of ${name} must be ${algorithmOf(kty)}, or left out`,
  ],
  [
    ({ key_ops: operations = ['verify'] }) => !(Array.isArray(operations) && operations.includes('verify')),
    name => `the key_ops of ${name} must have verify, or be left out`,
  ],
  [key => publicKeyOf(key) === undefined, (name, { kty }) => `${name} is no whole ${kty} key`],
  [
    key => (publicKeyOf(key)?.asymmetricKeyDetails?.modulusLength ?? shortestModulus) < shortestModulus,
    name => `${name} must have at least ${shortestModulus} bits`,
  ],
]

const algorithmOf = (kty: unknown): (typeof assertionAlgorithms)[number] => (kty === 'RSA' ? 'RS384' : 'ES384')

const publicKeyOf = (key: ClientKey): KeyObject | undefined => {
  try {
    return createPublicKey({ key, format: 'jwk' })
  } catch {
    return undefined
  }
}
