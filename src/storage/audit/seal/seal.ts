import type { Connection, Database } from '../../database.ts'
import { sql } from '../../sql.ts'
import { type AuditKey, digestsIn, headOf, macOf, marksOf } from './chain.ts'
import { before, everything, isAnyLater, nothing, recordsBetween } from './sealed-rows.ts'

/** The end of the chain. Whoever keeps it elsewhere can tell later that nothing was cut off. */
export type AuditHead = { readonly seal: string; readonly head: string }

/**
 * Seals all rows that were committed since the last seal: each once, in whatever order transactions end, and one process at a time. If many have
 * gathered, each pass seals as many as it can in reasonable time. Answers the new head; undefined if there was nothing to seal, if another process is
 * doing it or has done it less than `restMs` ago, or if compartments are being joined.
 */
export const sealAudit = async (
  database: Database,
  key: AuditKey,
  { now = new Date(), mostAtOnce = 5000, restMs = 0 }: Partial<Asked> & { readonly restMs?: number } = {},
): Promise<AuditHead | undefined> => {
  const sealed = await lastLink(database)
  if (sealed !== undefined && isWithin(now.getTime() - sealed.at.getTime(), restMs)) return undefined
  if (await isAllSealed(database, sealed)) return undefined
  for (let last: AuditHead | undefined; ; ) {
    const { head, isAll } = await sealSome(database, key, { now, mostAtOnce })
    last = head ?? last
    if (isAll) return last
  }
}

/** The end of the chain; undefined if nothing was ever sealed. */
export const findAuditHead = async (connection: Connection): Promise<AuditHead | undefined> => {
  const last = await lastLink(connection)
  return last && { seal: last.seal, head: last.head.toString('hex') }
}

/** A process whose clock is ahead must not hold up the others. */
const isWithin = (passedMs: number, restMs: number): boolean => passedMs >= 0 && passedMs < restMs

/** Without a lock, since most of the time nothing new was recorded. What is being written now is sealed later. */
const isAllSealed = async (connection: Connection, last: Link | undefined): Promise<boolean> => {
  const isAny = last === undefined ? sql.fragment`EXISTS (SELECT FROM audit_record)` : isAnyLater(last)
  const { isNone } = await connection.one<{ isNone: boolean }>(sql.fragment`
    SELECT NOT EXISTS (SELECT FROM audit_epoch WHERE epoch > ${last?.epoch ?? 1})
      AND NOT ${isAny} AS "isNone"`)
  return isNone
}

type Pass = { readonly head: AuditHead | undefined; readonly isAll: boolean }

const sealSome = (database: Database, key: AuditKey, asked: Asked): Promise<Pass> =>
  database.transaction(async connection => {
    // No compartments may be joined meanwhile: what is shown would be stored under a number that nobody has any more.
    const { isMine } = await connection.one<{ isMine: boolean }>(sql.fragment`
      SELECT pg_try_advisory_xact_lock(hashtext('audit_seal'))
        AND pg_try_advisory_xact_lock_shared(hashtext('patient_compartment')) AS "isMine"`)
    if (!isMine) return { head: undefined, isAll: true }
    let head: AuditHead | undefined
    for (const ends of await epochsToSeal(connection)) {
      const pass = await sealOnce(connection, key, { ...asked, ...ends })
      head = pass.head ?? head
      if (!pass.isAll) return { head, isAll: false }
    }
    if (head !== undefined) await forgetEnded(connection)
    return { head, isAll: true }
  })

/** Earlier epochs end here, if they have not yet: everything that is left of them is sealed. */
const epochsToSeal = (connection: Connection) =>
  connection.any<{ epoch: number; isCurrent: boolean }>(sql.fragment`
    SELECT epoch, epoch = (SELECT max(epoch) FROM audit_epoch) AS "isCurrent" FROM audit_epoch
    WHERE epoch >= coalesce((SELECT epoch FROM audit_seal ORDER BY seal DESC LIMIT 1),
      (SELECT epoch FROM audit_checkpoint ORDER BY seal DESC LIMIT 1), 0)
    ORDER BY epoch`)

type Asked = { readonly now: Date; readonly mostAtOnce: number }
type Sealing = Asked & { readonly epoch: number; readonly isCurrent: boolean }

const sealOnce = async (connection: Connection, key: AuditKey, sealing: Sealing): Promise<Pass> => {
  const { epoch, now } = sealing
  const last = await lastLink(connection)
  const from = last?.epoch === epoch ? last.snapshot : nothing
  const { snapshot, isAll } = await boundOf(connection, from, sealing)
  const { ids, digests } = await connection.one<Unsealed>(sql.fragment`
    SELECT coalesce(array_agg((record).id ORDER BY (record).id), '{}')::text AS ids,
      coalesce(string_agg(audit_digest(record), '' ORDER BY (record).id), '') AS digests
    FROM ${recordsBetween({ epoch, snapshot: from }, snapshot)} AS found`)
  if (ids === none) return { head: undefined, isAll }
  const link = { seal: String(BigInt(last?.seal ?? 0) + 1n), epoch, snapshot, sealed: now }
  const head = headOf(last?.head, link, digests, await noteConsents(connection, ids))
  await connection.later(sql.fragment`
    INSERT INTO audit_seal (seal, epoch, snapshot, sealed, ids, marks, head, key, mac)
    VALUES (${link.seal}::bigint, ${epoch}, ${snapshot}::pg_snapshot, ${now.toISOString()}::timestamptz,
      ${ids}::bigint[], ${sql.binary(marksOf(digestsIn(digests)))}, ${sql.binary(head)}, ${key.id},
      ${sql.binary(macOf(key, head))})`)
  await connection.later(
    sql.fragment`SELECT show_audit(made.ids), show_installation(made.ids) FROM (SELECT ${ids}::bigint[] AS ids) AS made`,
  )
  return { head: { seal: link.seal, head: head.toString('hex') }, isAll }
}

/**
 * How far to seal: everything that has ended by now; or, if that is too many, what came before the transaction with which it becomes too many, but at
 * least the first one.
 */
const boundOf = async (connection: Connection, from: string, { epoch, isCurrent, mostAtOnce }: Sealing) => {
  const { current, bound } = await connection.one<{ current: string; bound: string | null }>(sql.fragment`
    WITH unsealed AS NOT MATERIALIZED (
      SELECT xact FROM audit_record WHERE epoch = ${epoch} AND xact >= pg_snapshot_xmax(${from}::pg_snapshot))
    SELECT pg_current_snapshot()::text AS current, (
      SELECT xact::text FROM unsealed
      WHERE xact >= (SELECT xact FROM unsealed ORDER BY unsealed.xact OFFSET ${mostAtOnce} LIMIT 1)
        AND xact > (SELECT xact FROM unsealed ORDER BY unsealed.xact LIMIT 1)
      ORDER BY unsealed.xact LIMIT 1) AS bound`)
  if (bound === null) return { snapshot: isCurrent ? current : everything, isAll: true }
  return { snapshot: isCurrent ? before(bound, current) : `${bound}:${bound}:`, isAll: false }
}

/** Notes which Consents let each caller see what they were answered. Answers the digests. */
const noteConsents = async (connection: Connection, ids: string): Promise<Buffer> => {
  const { digests } = await connection.one<{ digests: Buffer }>(
    sql.fragment`SELECT note_audit_consents(${ids}::bigint[]) AS digests`,
  )
  return digests
}

/** To be called once nothing older is left to be sealed, however late that is: the records that are left need only what has ended lately. */
const forgetEnded = (connection: Connection): Promise<unknown> =>
  connection.later(sql.fragment`DELETE FROM audit_ended WHERE ended < now() - interval '1 hour'`)

/** `ids` as PostgreSQL writes an array, since they only go back to it. */
type Unsealed = { readonly ids: string; readonly digests: Buffer }

const none = '{}'

type Link = {
  readonly seal: string
  readonly epoch: number
  readonly snapshot: string
  readonly head: Buffer
  readonly at: Date
}

/** The newest seal, or the checkpoint that is left of it. */
export const lastLink = (connection: Connection): Promise<Link | undefined> =>
  connection.maybeOne<Link>(sql.fragment`
    SELECT seal, epoch, snapshot::text AS snapshot, head, sealed AS at FROM audit_seal
    UNION ALL SELECT seal, epoch, snapshot::text, head, made FROM audit_checkpoint
    ORDER BY seal DESC LIMIT 1`)
