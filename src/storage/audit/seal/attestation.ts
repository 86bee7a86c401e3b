import { startError } from '../../../start-error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { type AuditKey, attestationText, macOf } from './chain.ts'
import type { AuditHead } from './seal.ts'
import { verifyWithin } from './verify.ts'
import type { Attestation } from './vouching.ts'

type Keys = { readonly from: AuditKey; readonly to: AuditKey }

/**
 * Lets the new key vouch for everything that is sealed, once the previous key has proved it. Signatures alone are not enough, since the server signs
 * whatever chain it finds. Throws a start error if the chain is not whole. What the new key vouches for already stays, so it can be repeated.
 */
export const attestRotation = async (connection: Connection, { from, to }: Keys): Promise<void> => {
  if ((await verifyWithin(connection, to)).kind === 'whole') return
  const found = await verifyWithin(connection, from)
  if (found.kind !== 'whole')
    throw startError(`Nothing was sealed anew: the new key would vouch for a record that is not whole: ${found.bad}`)
  const { last, checkpoint = '0', accepted = '0' } = found
  if (last === undefined) return
  await attest(connection, to, { seal: last.seal, head: Buffer.from(last.head, 'hex'), start: checkpoint, accepted })
}

/** Lets the key vouch for the seal and everything before it as it is, whoever has signed it. False if no seal has this head. */
export const acceptHead = async (
  connection: Connection,
  key: AuditKey,
  { seal, head }: AuditHead,
): Promise<boolean> => {
  const found = await connection.maybeOne<{ readonly start: string }>(sql.fragment`
    SELECT coalesce((SELECT max(seal) FROM audit_checkpoint), 0)::text AS start
    FROM (SELECT seal, head FROM audit_seal UNION SELECT seal, head FROM audit_checkpoint) AS link
    WHERE seal = ${seal}::bigint AND encode(head, 'hex') = ${head}`)
  if (found === undefined) return false
  await attest(connection, key, { seal, head: Buffer.from(head, 'hex'), start: found.start, accepted: seal })
  return true
}

const attest = async (connection: Connection, key: AuditKey, attestation: Attestation): Promise<void> => {
  const { seal, head, start, accepted } = attestation
  await connection.run(sql.fragment`
    INSERT INTO audit_attestation (key, seal, head, start, accepted, mac)
    VALUES (${key.id}, ${seal}::bigint, ${sql.binary(head)}, ${start}::bigint, ${accepted}::bigint,
      ${sql.binary(macOf(key, attestationText(attestation)))})
    ON CONFLICT DO NOTHING`)
}
