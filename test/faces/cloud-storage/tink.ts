/** Google's own Tink, which is made for browsers. */
Object.assign(globalThis, { self: globalThis, window: globalThis })
const { default: tink } = await import('tink-crypto')
for (const { register } of [tink.aead, tink.hybrid, tink.signature]) register()

export type Keyset = Awaited<ReturnType<typeof tink.generateNewKeysetHandle>>

export const newSigningKeyset = (): Promise<Keyset> =>
  tink.generateNewKeysetHandle(tink.signature.ecdsaP256KeyTemplate())

export const newEncryptionKeyset = (): Promise<Keyset> =>
  tink.generateNewKeysetHandle(tink.hybrid.eciesP256HkdfHmacSha256Aes128GcmKeyTemplate())

export const sign = async (keyset: Keyset, text: string): Promise<Buffer> => {
  const signer = await keyset.getPrimitive(tink.signature.PublicKeySign)
  return Buffer.from(await signer.sign(Buffer.from(text)))
}

/** The content of a record, decrypted with the partner's private keyset, as its client does. */
export const decrypt = async (keyset: Keyset, record: Readonly<Record<string, string>>): Promise<Buffer> => {
  const { client_record_id, client_datagroup_id, encrypted_content = '', encrypted_dek = '' } = record
  const hybrid = await keyset.getPrimitive(tink.hybrid.HybridDecrypt)
  const key = await hybrid.decrypt(bytesOf(encrypted_dek), Buffer.from(`${client_record_id}${client_datagroup_id}`))
  const aead = await tink.binaryInsecure.deserializeKeyset(key).getPrimitive<{
    decrypt: (content: Uint8Array, associated: Uint8Array) => Promise<Uint8Array>
  }>(tink.aead.Aead as never)
  return Buffer.from(await aead.decrypt(bytesOf(encrypted_content), Buffer.from(`${client_record_id}`)))
}

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'))

/** Writes a public keyset in JSON as Tink for Python does, which this library cannot. */
export const serialized = (keyset: Keyset, algorithm: string) => {
  const publicKeyset = keyset.getPublicKeysetHandle().getKeyset()
  const key = publicKeyset.getKeyList().map((one: TinkKey) => ({
    keyData: {
      typeUrl: one.getKeyData()?.getTypeUrl(),
      value: one.getKeyData()?.getValue_asB64(),
      keyMaterialType: 'ASYMMETRIC_PUBLIC',
    },
    status: 'ENABLED',
    keyId: one.getKeyId(),
    outputPrefixType: 'TINK',
  }))
  const material = JSON.stringify({ primaryKeyId: publicKeyset.getPrimaryKeyId(), key }, null, 2)
  return { material, algorithm, library: 'TINK', serialization_mode: 'JSON' }
}

type TinkKey = {
  readonly getKeyId: () => number
  readonly getKeyData: () => { readonly getTypeUrl: () => string; readonly getValue_asB64: () => string } | undefined
}
