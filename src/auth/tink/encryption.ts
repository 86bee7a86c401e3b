import { createCipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto'
import { type PublicKey, prefixOf } from './public-key.ts'

/** Encrypts each content with a key of its own, and that key for whoever has the private one; `associated` must be given again to decrypt it. */
export type Encryption = (
  content: Buffer,
  associated: { readonly content: string; readonly key: string },
) => { readonly content: Buffer; readonly key: Buffer }

export const openEncryption = ({ key, prefix }: PublicKey): Encryption => {
  const { x = '', y = '' } = key.export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  return (content, associated) => {
    const own = randomBytes(16)
    return {
      content: Buffer.concat([prefixOf(1), aesGcm(own, content, associated.content)]),
      key: Buffer.concat([prefix, ecies(point, keysetOf(own), associated.key)]),
    }
  }
}

/** https://developers.google.com/tink/wire-format#hybrid_encryption */
const ecies = (point: Buffer, plain: Buffer, context: string): Buffer => {
  const ephemeral = createECDH('prime256v1')
  const sent = ephemeral.generateKeys()
  const secret = Buffer.concat([sent, ephemeral.computeSecret(point)])
  return Buffer.concat([sent, aesGcm(Buffer.from(hkdfSync('sha256', secret, '', context, 16)), plain, '')])
}

/** https://developers.google.com/tink/wire-format#aead */
const aesGcm = (key: Buffer, plain: Buffer, associated: string): Buffer => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-128-gcm', key, nonce).setAAD(Buffer.from(associated))
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** A keyset whose one key has the id 1, in Protocol Buffers. https://github.com/tink-crypto/tink-java/blob/main/proto/tink.proto */
const keysetOf = (key: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from('080112500a480a30', 'hex'),
    Buffer.from('type.googleapis.com/google.crypto.tink.AesGcmKey'),
    Buffer.from('12121a10', 'hex'),
    key,
    Buffer.from('1801100118012001', 'hex'),
  ])
