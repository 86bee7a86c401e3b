import type { Connection, Database } from '../database.ts'
import { sql } from '../sql.ts'
import { type AuditKey, digestsIn, headOf, macOf, marksOf } from './chain.ts'
import { everything, laterThan, nothing } from './sealed-rows.ts'

/** The end of the chain: whoever keeps it elsewhere can tell later that nothing was cut off. */
export type AuditHead = { readonly seal: string; readonly head: string }

/**
 * Seals all rows that were committed since the last seal: each once, in whatever order transactions end, and by one process at a
 * time. Answers the new head; undefined where nothing was to be sealed, or another process does it.
 */
export const sealAudit = (database: Database, key: AuditKey, now = new Date()): Promise<AuditHead | undefined> =>
  database.transaction(async connection => {
    const { isMine } = await connection.one<{ isMine: boolean }>(
      sql.fragment`SELECT pg_try_advisory_xact_lock(hashtext('audit_seal')) AS "isMine"`,
    )
    if (!isMine) return undefined
    let head: AuditHead | undefined
    for (const ends of await epochsToSeal(connection))
      head = (await sealOnce(connection, key, { ...ends, now })) ?? head
    return head
  })

/** Those before the current one end, if they have not yet: all that is left of them is sealed. */
const epochsToSeal = async (connection: Connection) => {
  const rows = await connection.any<{ epoch: number; isCurrent: boolean }>(sql.fragment`
    SELECT epoch, epoch = (SELECT max(epoch) FROM audit_epoch) AS "isCurrent" FROM audit_epoch
    WHERE epoch >= coalesce((SELECT epoch FROM audit_seal ORDER BY seal DESC LIMIT 1),
      (SELECT epoch FROM audit_checkpoint ORDER BY seal DESC LIMIT 1), 0)
    ORDER BY epoch`)
  return rows
}

type Sealing = { readonly epoch: number; readonly isCurrent: boolean; readonly now: Date }

const sealOnce = async (
  connection: Connection,
  key: AuditKey,
  { epoch, isCurrent, now }: Sealing,
): Promise<AuditHead | undefined> => {
  const last = await lastLink(connection)
  const { snapshot, ids, digests } = await connection.one<Unsealed>(sql.fragment`
    SELECT pg_current_snapshot()::text AS snapshot, coalesce(array_agg(id::text ORDER BY id), '{}') AS ids,
      coalesce(string_agg(audit_digest(record), '' ORDER BY id), '') AS digests
    FROM audit_record AS record
    WHERE epoch = ${epoch} AND ${laterThan(last?.epoch === epoch ? last.snapshot : nothing)}`)
  if (ids.length === 0) return undefined
  const link = {
    seal: String(BigInt(last?.seal ?? 0) + 1n),
    epoch,
    snapshot: isCurrent ? snapshot : everything,
    sealed: now,
  }
  const head = headOf(last?.head, link, digests, await noteConsents(connection, ids))
  await connection.run(sql.fragment`
    INSERT INTO audit_seal (seal, epoch, snapshot, sealed, ids, marks, head, key, mac)
    VALUES (${link.seal}::bigint, ${epoch}, ${link.snapshot}::pg_snapshot, ${now.toISOString()}::timestamptz,
      ${sql.array([...ids], 'int8')}, ${sql.binary(marksOf(digestsIn(digests)))}, ${sql.binary(head)}, ${key.id},
      ${sql.binary(macOf(key, head))})`)
  await connection.run(
    sql.fragment`SELECT show_audit(made.ids), show_installation(made.ids) FROM (SELECT ${sql.array([...ids], 'int8')} AS ids) AS made`,
  )
  return { seal: link.seal, head: head.toString('hex') }
}

/** Which Consents let each see what they were answered. Answers the digests; of what had ended before, nothing is asked any more. */
const noteConsents = async (connection: Connection, ids: readonly string[]): Promise<Buffer> => {
  const records = sql.array([...ids], 'int8')
  await connection.run(sql.fragment`SELECT note_audit_consents(${records})`)
  await connection.run(sql.fragment`DELETE FROM audit_ended WHERE ended < now() - interval '1 hour'`)
  const { digests } = await connection.one<{ digests: Buffer }>(sql.fragment`
    SELECT coalesce(string_agg(audit_digest(noted), '' ORDER BY record, consent), '') AS digests
    FROM audit_consent AS noted WHERE record = ANY(${records})`)
  return digests
}

type Unsealed = { readonly snapshot: string; readonly ids: readonly string[]; readonly digests: Buffer }

/** Of the newest seal, or of what is left of it. */
const lastLink = (connection: Connection) =>
  connection.maybeOne<{ seal: string; epoch: number; snapshot: string; head: Buffer }>(sql.fragment`
    SELECT seal, epoch, snapshot::text AS snapshot, head FROM audit_seal
    UNION ALL SELECT seal, epoch, snapshot::text, head FROM audit_checkpoint
    ORDER BY seal DESC LIMIT 1`)
