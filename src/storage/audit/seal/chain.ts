import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** Signs heads. `id` says which key it is, and reveals nothing about it. */
export type AuditKey = { readonly id: string; readonly key: Buffer }

export const auditKeyOf = (secretKey: Uint8Array): AuditKey => {
  const key = Buffer.from(hkdfSync('sha256', secretKey, '', 'audit', 32))
  return { id: createHash('sha256').update(key).digest('hex').slice(0, 16), key }
}

/** What a seal says, besides its rows. */
export type Link = {
  readonly seal: string
  readonly epoch: number
  readonly snapshot: string
  readonly sealed: Date
}

/** SHA-256 of the previous head, of what the seal says, and of the digests of its rows and of the consents that belong to them. */
export const headOf = (
  previous: Buffer | undefined,
  { seal, epoch, snapshot, sealed }: Link,
  digests: Uint8Array,
  consents: Uint8Array,
): Buffer =>
  createHash('sha256')
    .update(previous ?? Buffer.alloc(32))
    .update(`${seal} ${epoch} ${snapshot} ${sealed.toISOString()}\n`)
    .update(digests)
    .update(consents)
    .digest()

export const macOf = ({ key }: AuditKey, head: Uint8Array): Buffer => createHmac('sha256', key).update(head).digest()

export const isMac = (key: AuditKey, head: Uint8Array, mac: Buffer): boolean => {
  const expected = macOf(key, head)
  return mac.length === expected.length && timingSafeEqual(mac, expected)
}

/** What is signed of a checkpoint: where the chain continues, and how much lies before. */
export const checkpointText = (seal: string, head: Buffer, rows: string): Buffer =>
  Buffer.from(`checkpoint ${seal} ${head.toString('hex')} ${rows}`)

/** What is signed of seals of earlier keys: see Attestation. */
export const attestationText = ({ seal, head, start, accepted }: Attested): Buffer =>
  Buffer.from(`attestation ${seal} ${head.toString('hex')} ${start} ${accepted}`)

type Attested = { readonly seal: string; readonly head: Buffer; readonly start: string; readonly accepted: string }

/** A row's digest: of its fields in their order, each with its length in bytes in front. */
export const digestOf = (fields: readonly (string | null)[]): Buffer =>
  createHash('sha256')
    .update(fields.map(field => (field === null ? '-' : `${Buffer.byteLength(field)}:${field}`)).join(''))
    .digest()

export const digestsIn = (digests: Buffer): readonly Buffer[] => pieces(digests, 32)

/** The beginning of a row's digest. A seal keeps no more of it, which is enough to find a row that was changed. */
export const markOf = (digest: Buffer): Buffer => digest.subarray(0, markBytes)

export const marksOf = (digests: readonly Buffer[]): Buffer => Buffer.concat(digests.map(markOf))

export const marksIn = (marks: Buffer): readonly Buffer[] => pieces(marks, markBytes)

const markBytes = 8

const pieces = (whole: Buffer, length: number): readonly Buffer[] =>
  Array.from({ length: Math.floor(whole.length / length) }, (_, index) =>
    whole.subarray(index * length, (index + 1) * length),
  )
