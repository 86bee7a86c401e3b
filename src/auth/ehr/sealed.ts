import { hkdfSync } from 'node:crypto'
import { CompactEncrypt, compactDecrypt } from 'jose'

/** Text that only SECRET_KEY opens. */
export const seal = (secretKey: Uint8Array, text: string): Promise<string> =>
  new CompactEncrypt(new TextEncoder().encode(text))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(keyOf(secretKey))

/** Throws where another SECRET_KEY has sealed it. */
export const unseal = async (secretKey: Uint8Array, sealed: string): Promise<string> => {
  const { plaintext } = await compactDecrypt(sealed, keyOf(secretKey), {
    keyManagementAlgorithms: ['dir'],
    contentEncryptionAlgorithms: ['A256GCM'],
  })
  return new TextDecoder().decode(plaintext)
}

const keyOf = (secretKey: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secretKey, '', 'launches from an EHR', 32))
