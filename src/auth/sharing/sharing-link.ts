import { verify } from 'node:crypto'
import { withoutAlias } from '../../access/scope-alias.ts'
import { FhirError } from '../../fhir/error.ts'
import { jsonText } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { findClient, type RegisteredClient } from '../../storage/authorization/client-registration.ts'
import { findSaid, type SerializedKey, type SharingAsked } from '../../storage/authorization/sharing-partner.ts'
import { patientsOf } from '../../storage/authorization/token.ts'
import type { Connection } from '../../storage/database.ts'
import { clockSkewSeconds } from '../provider/assertion.ts'
import { findPublicKey } from '../tink/public-key.ts'

/** What a partner asks of a patient by a link that it has signed and that is still valid. */
export type SharingLink = SharingAsked & {
  /** The scope for the authorization endpoint. */
  readonly scope: string
  readonly redirectUri: string
}

type Parts = { readonly database: Connection; readonly rules: { readonly codeClasses: CodeClasses } }

/** Undefined if no partner has signed it, or it is not in force. */
export const readSharingLink = async ({ database, rules }: Parts, jwt: string): Promise<SharingLink | undefined> => {
  const [header = '', payload = '', signature = '', ...more] = jwt.split('.')
  const claims = parsePart(payload)
  const partner = isId(claims.iss) ? await findSharingPartner(database, claims.iss) : undefined
  const [redirectUri] = partner?.metadata.redirect_uris ?? []
  if (partner === undefined || redirectUri === undefined || more.length > 0) return undefined
  const { signing_keys = [] } = await findSaid(database, partner.id)
  const isGenuine =
    parsePart(header).alg === 'TinkES256' && signing_keys.some(isSigned(`${header}.${payload}`, signature))
  const asked = isGenuine ? claimsOf(claims, rules.codeClasses) : undefined
  return asked && { ...asked, client: partner.id, redirectUri }
}

/** The same, and also undefined if there is no link. */
export const readLinkAsked = async (parts: Parts, jwt: unknown): Promise<SharingLink | undefined> =>
  typeof jwt === 'string' ? readSharingLink(parts, jwt) : undefined

/** Undefined if there is no link. Throws `not-found` for one that is over, `forbidden` for anybody but the patient. */
export const readOwnLink = async (
  parts: Parts,
  jwt: unknown,
  { person, patient = '' }: { readonly person: string; readonly patient: string | undefined },
): Promise<SharingLink | undefined> => {
  if (typeof jwt !== 'string') return undefined
  const link = await readLinkAsked(parts, jwt)
  if (link === undefined) throw new FhirError('not-found', 'This link is over: ask for another one')
  if ((await patientsOf(parts.database, person)).includes(patient)) return link
  throw new FhirError('forbidden', 'This link is for the patient alone')
}

/** Undefined if the operator has not made the client a partner, or it does not authenticate with a secret. */
export const findSharingPartner = async (connection: Connection, id: string): Promise<RegisteredClient | undefined> => {
  const client = await findClient(connection, id)
  return client?.secretHash && client.policies.includes('cloud-storage-partner') ? client : undefined
}

const parsePart = (part: string): Readonly<Record<string, unknown>> => {
  try {
    return Object(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')))
  } catch {
    return {}
  }
}

/** https://developers.google.com/tink/wire-format#digital_signatures */
const isSigned = (text: string, signature: string) => (given: SerializedKey) => {
  const by = findPublicKey(given, 'ECDSA_P256')
  const bytes = Buffer.from(signature, 'base64url')
  if (by === undefined || !bytes.subarray(0, by.prefix.length).equals(by.prefix)) return false
  return verify('sha256', Buffer.from(text), { key: by.key, dsaEncoding: 'der' }, bytes.subarray(by.prefix.length))
}

const claimsOf = (claims: Readonly<Record<string, unknown>>, classes: CodeClasses) => {
  const { user_id: user, request_id: request, nonce, scope, encryption_public_key: encryptionKey } = claims
  const [exp, iat, now] = [Number(claims.exp), Number(claims.iat), Math.floor(Date.now() / 1000)]
  const isInForce = iat <= now + clockSkewSeconds && exp > now && exp - iat <= longestSeconds
  const kinds = jsonText(scope)
    .split(' ')
    .filter(word => withoutAlias(word, 'patient', classes) !== word)
  const isFresh = Buffer.from(jsonText(nonce), 'base64').length === nonceBytes
  if (!isInForce || !isFresh || !isId(user) || !isId(request) || kinds.length === 0 || !isEncryptionKey(encryptionKey))
    return undefined
  const asked = [...new Set(kinds), 'offline_access'].join(' ')
  return { user, request, scope: asked, encryptionKey, ttlSeconds: Math.floor(exp - now) }
}

/** How long a grant may last. */
const longestSeconds = 366 * 24 * 3600
const nonceBytes = 32

const isId = (value: unknown): value is string => typeof value === 'string' && /^[\w.~-]{1,100}$/.test(value)

const isEncryptionKey = (given: unknown): given is SerializedKey =>
  findPublicKey(given, 'ECIES_P256_HKDF_HMAC_SHA256_AES128_GCM') !== undefined
