import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { startError } from '../../start-error.ts'
import {
  addFirstSigningKey,
  addSigningKey,
  listSigningKeys,
  type SealedKey,
} from '../../storage/authorization/signing-key.ts'
import type { Database } from '../../storage/database.ts'
import { seal, unseal } from '../../storage/secret/sealed.ts'

/** With the private part. */
export type SigningKey = JWK & { readonly kid: string }

/** The keys by which id_tokens are signed, the newest first; the first one is made where there is none. */
export const readSigningKeys = async (
  database: Database,
  secretKey: Uint8Array,
): Promise<readonly [SigningKey, ...SigningKey[]]> => {
  let sealed = await listSigningKeys(database)
  if (sealed.length === 0) {
    await addFirstSigningKey(database, await makeSealed(secretKey))
    sealed = await listSigningKeys(database)
  }
  const [first, ...others] = await Promise.all(sealed.map(key => open(key, secretKey)))
  if (first === undefined) throw new Error('no signing key could be made')
  return [first, ...others]
}

/** From now on it signs; what the others have signed still verifies. Answers its kid. */
export const rotateSigningKey = async (database: Database, secretKey: Uint8Array): Promise<string> => {
  // One that cannot be opened would be found out at the next start only.
  await readSigningKeys(database, secretKey)
  const made = await makeSealed(secretKey)
  await addSigningKey(database, made)
  return made.kid
}

/** "Signing RS256 SHALL be supported". */
const makeSealed = async (secretKey: Uint8Array): Promise<Pick<SealedKey, 'kid' | 'sealed'>> => {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  const text = JSON.stringify({ ...jwk, kid, alg: 'RS256', use: 'sig' })
  return { kid, sealed: await seal(secretKey, 'signing keys', text) }
}

const open = async ({ kid, sealed }: SealedKey, secretKey: Uint8Array): Promise<SigningKey> => {
  try {
    return JSON.parse(await unseal(secretKey, 'signing keys', sealed))
  } catch (error) {
    throw startError(`The signing key ${kid} was sealed by another SECRET_KEY: start with that one`, error)
  }
}
