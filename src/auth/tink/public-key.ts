import { createPublicKey, type KeyObject } from 'node:crypto'
import { jsonText } from '../../fhir/json.ts'
import type { SerializedKey } from '../../storage/authorization/sharing-partner.ts'

/** `prefix`: with this begins everything that is signed with it or encrypted for it. */
export type PublicKey = { readonly key: KeyObject; readonly prefix: Buffer }

/** The key of a keyset with a single one, as the partners' client makes it; undefined for anything else. */
export const findPublicKey = (given: unknown, algorithm: keyof typeof formats): PublicKey | undefined => {
  const { material, algorithm: name, library, serialization_mode, ...others } = Object(given) as Partial<SerializedKey>
  const [{ keyData, keyId, status, outputPrefixType }, ...more] = keysIn(material)
  const bytes = Buffer.from(jsonText(keyData?.value), 'base64')
  const [, x = '', y = ''] = formats[algorithm].exec(bytes.toString('hex')) ?? []
  const isWhole = library === 'TINK' && serialization_mode === 'JSON' && Object.keys(others).length === 0
  const isOne = more.length === 0 && status === 'ENABLED' && outputPrefixType === 'TINK' && isKeyId(keyId)
  const key = name === algorithm && isWhole && isOne ? pointOf(x, y) : undefined
  return key && { key, prefix: prefixOf(Number(keyId)) }
}

/** https://developers.google.com/tink/wire-format#tink_output_prefix */
export const prefixOf = (keyId: number): Buffer => Buffer.from(`01${keyId.toString(16).padStart(8, '0')}`, 'hex')

const coordinates = '1a(?:20|2100)([\\da-f]{64})22(?:20|2100)([\\da-f]{64})'
const aesGcmKey = Buffer.from('type.googleapis.com/google.crypto.tink.AesGcmKey').toString('hex')

/**
 * Public keys in Protocol Buffers, in which everything but the point is always the same: P-256 and SHA-256, with DER signatures, or with
 * uncompressed points for AES-128-GCM. https://github.com/tink-crypto/tink-java/tree/main/proto
 */
const formats = {
  ECDSA_P256: new RegExp(`^1206080310021802${coordinates}$`),
  ECIES_P256_HKDF_HMAC_SHA256_AES128_GCM: new RegExp(
    `^12440a0408021003123a12380a30${aesGcmKey}1202101018011801${coordinates}$`,
  ),
}

type KeysetEntry = { readonly keyData?: { readonly value?: unknown } } & {
  readonly [member in 'keyId' | 'status' | 'outputPrefixType']?: unknown
}

const keysIn = (material: unknown): readonly [KeysetEntry, ...unknown[]] => {
  try {
    const [first, ...more] = /^[\s\x20-\x7e]{1,4000}$/.test(String(material)) ? JSON.parse(String(material)).key : []
    return [Object(first), ...more]
  } catch {
    return [{}]
  }
}

const isKeyId = (id: unknown): boolean => Number.isInteger(id) && Number(id) >= 0 && Number(id) < 2 ** 32

/** Undefined if it is no point of the curve. */
const pointOf = (x: string, y: string): KeyObject | undefined => {
  const toText = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: toText(x), y: toText(y) }, format: 'jwk' })
  } catch {
    return undefined
  }
}
