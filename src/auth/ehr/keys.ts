import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { startError } from '../../start-error.ts'
import type { Connection, Database } from '../../storage/database.ts'
import { addEhrKey, listEhrKeys, replaceEhrKeys, type SealedEhrKey } from '../../storage/ehr/key.ts'
import { seal, unseal } from '../../storage/secret/sealed.ts'

type Algorithm = (typeof algorithms)[number]
type EhrKey = JWK & { readonly kid: string; readonly alg: Algorithm }

/** "Clients SHALL support both RS384 and ES384". */
const algorithms = ['RS384', 'ES384'] as const

/** The keys with which we authenticate to EHRs, with their private parts; missing ones are made. */
export const readEhrKeys = async (database: Database, secretKey: Uint8Array): Promise<readonly EhrKey[]> => {
  const known = new Set((await listEhrKeys(database)).map(({ alg }) => alg))
  for (const alg of algorithms)
    if (!known.has(alg)) await addEhrKey(database, { alg, sealed: await makeSealed(secretKey, alg) })
  const listed = await listEhrKeys(database)
  return Promise.all(listed.map(key => open(key, secretKey)))
}

/**
 * Replaces the keys with which we authenticate. An assertion is only valid for a minute, so none is left that the old keys would have to verify.
 * Answers the new ones.
 */
export const rotateEhrKeys = async (
  database: Database,
  secretKey: Uint8Array,
  within: Within = replace => database.transaction(replace),
): Promise<readonly EhrKey[]> => {
  // If the present keys were sealed with another SECRET_KEY, the running server could not open the new ones: this throws.
  await readEhrKeys(database, secretKey)
  const made = await Promise.all(algorithms.map(async alg => ({ alg, sealed: await makeSealed(secretKey, alg) })))
  await within(connection => replaceEhrKeys(connection, made))
  return readEhrKeys(database, secretKey)
}

/** Runs what replaces them in a transaction. */
type Within = (replace: (connection: Connection) => Promise<void>) => Promise<void>

/**
 * The keys with which EHRs verify our assertions.
 * https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
 */
export const publicKeySet = (keys: readonly EhrKey[]): { readonly keys: readonly JWK[] } => ({
  keys: keys.map(({ kty, kid, alg, use = 'sig', n, e, crv, x, y }) => ({
    ...{ kty, kid, alg, use },
    ...(kty === 'RSA' ? { n, e } : { crv, x, y }),
  })) as JWK[],
})

const open = async ({ alg, sealed }: SealedEhrKey, secretKey: Uint8Array): Promise<EhrKey> => {
  try {
    return JSON.parse(await unseal(secretKey, 'launches from an EHR', sealed))
  } catch (error) {
    throw startError(`The ${alg} key for EHRs was sealed by another SECRET_KEY: start with that one`, error)
  }
}

const makeSealed = async (secretKey: Uint8Array, alg: Algorithm): Promise<string> => {
  const { privateKey } = await generateKeyPair(alg, { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(privateKey)
  return seal(
    secretKey,
    'launches from an EHR',
    JSON.stringify({ ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use: 'sig' }),
  )
}
