import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { type AuditKey, attestationText, checkpointText, isMac } from './chain.ts'

/** What the key has signed about seals that it cannot check, because earlier keys have signed them. */
export type Attestation = {
  readonly seal: string
  readonly head: Buffer
  /** The seal of the checkpoint from which the chain began then; 0 if there was none. */
  readonly start: string
  /** The seal up to which somebody accepted the chain as it was; 0 if everything was signed. */
  readonly accepted: string
}

/** How much of the chain a key vouches for. */
export type Vouching = { readonly key: AuditKey; readonly attestations: readonly Attestation[] }

/** An attestation that the key has not signed does not count: whoever has access to the database may have written it. */
export const readVouching = async (connection: Connection, key: AuditKey): Promise<Vouching> => {
  const found = await connection.any<Attestation & { readonly mac: Buffer }>(sql.fragment`
    SELECT seal, head, start, accepted, mac FROM audit_attestation WHERE key = ${key.id} ORDER BY seal, accepted`)
  return { key, attestations: found.filter(one => isMac(key, attestationText(one), one.mac)) }
}

type Signed = { readonly seal: string; readonly head: Buffer; readonly key: string; readonly mac: Buffer }

/** In words, why a seal is not vouched for. A seal before an attested head is as good as that head, which is made of everything before it. */
export const unvouchedSeal = ({ key, attestations }: Vouching, signed: Signed): string | undefined => {
  if (attestations.some(({ seal }) => BigInt(seal) >= BigInt(signed.seal))) return undefined
  return signed.key === key.id
    ? unless(isMac(key, signed.head, signed.mac), `seal ${signed.seal} was not signed with this SECRET_KEY`)
    : `seal ${signed.seal} was signed with another SECRET_KEY, and nothing attests that this one took its place`
}

/**
 * The same for a checkpoint. For a checkpoint of an earlier key, a later attested head is not enough: whoever knows the heads could put another
 * checkpoint behind any of them, and remove what lies before.
 */
export const unvouchedCheckpoint = (
  { key, attestations }: Vouching,
  checkpoint: Signed & { readonly rows: string },
): string | undefined => {
  const { seal, head, rows, mac } = checkpoint
  if (checkpoint.key === key.id)
    return unless(
      isMac(key, checkpointText(seal, head, rows), mac),
      `the checkpoint behind seal ${seal} is not what was signed`,
    )
  return unless(
    attestations.some(({ start }) => start === seal),
    `the checkpoint behind seal ${seal} was signed with another SECRET_KEY, and nothing attests that this one took its place`,
  )
}

const unless = (isSo: boolean, bad: string): string | undefined => (isSo ? undefined : bad)
