import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { Database } from '../../storage/database.ts'
import { addEhrKey, listEhrKeys } from '../../storage/ehr/key.ts'
import { seal, unseal } from './sealed.ts'

type Algorithm = (typeof algorithms)[number]
type EhrKey = JWK & { readonly kid: string; readonly alg: Algorithm }

/** "Clients SHALL support both RS384 and ES384". */
const algorithms = ['RS384', 'ES384'] as const

/** The keys by which we authenticate to EHRs, with their private parts; those that are not there yet are made. */
export const readEhrKeys = async (database: Database, secretKey: Uint8Array): Promise<readonly EhrKey[]> => {
  const known = new Set((await listEhrKeys(database)).map(({ alg }) => alg))
  for (const alg of algorithms)
    if (!known.has(alg)) await addEhrKey(database, { alg, sealed: await makeSealed(secretKey, alg) })
  const listed = await listEhrKeys(database)
  return Promise.all(listed.map(async ({ sealed }) => JSON.parse(await unseal(secretKey, sealed)) as EhrKey))
}

/** What EHRs verify us by. https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys */
export const publicKeySet = (keys: readonly EhrKey[]): { readonly keys: readonly JWK[] } => ({
  keys: keys.map(({ kty, kid, alg, use = 'sig', n, e, crv, x, y }) => ({
    ...{ kty, kid, alg, use },
    ...(kty === 'RSA' ? { n, e } : { crv, x, y }),
  })) as JWK[],
})

const makeSealed = async (secretKey: Uint8Array, alg: Algorithm): Promise<string> => {
  const { privateKey } = await generateKeyPair(alg, { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(privateKey)
  return seal(secretKey, JSON.stringify({ ...jwk, kid: await calculateJwkThumbprint(jwk), alg, use: 'sig' }))
}
