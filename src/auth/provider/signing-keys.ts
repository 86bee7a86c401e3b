import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { startError } from '../../start-error.ts'
import {
  addFirstSigningKey,
  addSigningKey,
  listSigningKeys,
  type SealedKey,
} from '../../storage/authorization/signing-key.ts'
import type { Connection, Database } from '../../storage/database.ts'
import { seal, unseal } from '../../storage/secret/sealed.ts'

/** Includes the private part. */
export type SigningKey = JWK & { readonly kid: string }

/** The keys that sign id_tokens, the newest first. If there is none, one is made. */
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

/** Makes a key that signs from now on; signatures of the other keys can still be verified. `connection`: within a transaction. Answers its kid. */
export const rotateSigningKey = async (
  database: Database,
  secretKey: Uint8Array,
  connection: Connection = database,
): Promise<string> => {
  // Otherwise a key that cannot be opened would only be noticed at the next start.
  await readSigningKeys(database, secretKey)
  const made = await makeSealed(secretKey)
  await addSigningKey(connection, made)
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
