import { hkdfSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'

/** The kinds of sealed values. Each has a key of its own, so that nothing can be opened as something else. */
export type Kind =
  | 'signing keys'
  | 'launches from an EHR'
  | 'arrivals from an EHR that are handed over'
  | 'authenticators'
  | 'choices of a consent'
  | 'letters'

/** Text that only SECRET_KEY can open, as a JWE. https://www.rfc-editor.org/rfc/rfc7516 */
export const seal = (secretKey: Uint8Array, kind: Kind, text: string): Promise<string> =>
  new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(keyOf(secretKey, kind))

/** Throws if another SECRET_KEY has sealed it. */
export const unseal = async (secretKey: Uint8Array, kind: Kind, sealed: string): Promise<string> => {
  const { plaintext } = await compactDecrypt(sealed, keyOf(secretKey, kind), {
    keyManagementAlgorithms: ['dir'],
    contentEncryptionAlgorithms: ['A256GCM'],
  })
  return new TextDecoder().decode(plaintext)
}

const keyOf = (secretKey: Uint8Array, kind: Kind): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secretKey, '', kind, 32))
