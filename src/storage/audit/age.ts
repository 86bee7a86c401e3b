import { startError } from '../../start-error.ts'
import type { Connection, Database } from '../database.ts'
import { name, type SqlFragment, sql } from '../sql.ts'
import { type AuditKey, checkpointText, macOf } from './seal/chain.ts'
import { ageing, verifyAudit } from './seal/verify.ts'

/** https://www.ecfr.gov/current/title-45/section-164.316: six years. Neither this code nor the database accepts fewer. */
export const fewestYears = 6

/**
 * Removes what was sealed so many years ago, and leaves a signed checkpoint from which the chain continues. Answers how many rows were removed.
 * Throws a start error if the record is not whole, since a checkpoint would hide that.
 */
export const ageAudit = async (database: Database, key: AuditKey, years: number): Promise<number> => {
  const last = await findAged(database, years)
  if (last === undefined) return 0
  const { seal, epoch, snapshot, head } = last
  const found = await verifyAudit(database, key, [{ seal, head: head.toString('hex') }])
  if (found.kind !== 'whole') throw startError(`Nothing was removed, for the record is not whole: ${found.bad}`)
  return database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(${ageing})`)
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('audit_seal'))`)
    const rows = await rowsUpTo(connection, seal)
    if (rows === undefined) return 0
    await connection.run(sql.fragment`
      INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
      VALUES (${seal}::bigint, ${epoch}, ${snapshot}::pg_snapshot, ${sql.binary(head)}, ${rows}::bigint, now(), ${key.id},
        ${sql.binary(macOf(key, checkpointText(seal, head, rows)))})`)
    const isAged = (record: SqlFragment) => sql.fragment`(${record}.epoch < ${epoch}
      OR (${record}.epoch = ${epoch} AND pg_visible_in_snapshot(${record}.xact, ${snapshot}::pg_snapshot)))`
    // The owner of the tables may grant this to themself. What is not old enough, or not before the checkpoint, stays in any case.
    await connection.run(sql.fragment`GRANT DELETE ON audit_record, audit_consent, audit_seal TO CURRENT_USER`)
    for (const table of ['audit_shown', 'audit_installation', 'audit_consent'])
      await connection.run(sql.fragment`
        DELETE FROM ${name(table)} AS beside USING audit_record AS old
        WHERE old.id = beside.record AND ${isAged(sql.fragment`old`)}`)
    await connection.run(sql.fragment`DELETE FROM audit_record AS old WHERE ${isAged(sql.fragment`old`)}`)
    await connection.run(sql.fragment`DELETE FROM audit_seal WHERE seal <= ${seal}::bigint`)
    await connection.run(sql.fragment`REVOKE DELETE ON audit_record, audit_consent, audit_seal FROM CURRENT_USER`)
    return Number(rows)
  })
}

/** Undefined if another process has removed them meanwhile. It may also have removed only those that are older. */
const rowsUpTo = async (connection: Connection, seal: string): Promise<string | undefined> => {
  const { rows } = await connection.one<{ rows: string | null }>(sql.fragment`
    SELECT CASE WHEN bool_or(seal = ${seal}::bigint) THEN sum(cardinality(ids))::text END AS rows
    FROM audit_seal WHERE seal <= ${seal}::bigint`)
  return rows ?? undefined
}

type Aged = {
  readonly seal: string
  readonly epoch: number
  readonly snapshot: string
  readonly head: Buffer
}

/**
 * The last seal before the first one that is not old enough: if a clock was wrong for a while, later seals may claim to be older than earlier ones.
 */
const findAged = (connection: Connection, years: number): Promise<Aged | undefined> =>
  connection.maybeOne<Aged>(sql.fragment`
    SELECT seal, epoch, snapshot::text AS snapshot, head
    FROM audit_seal WHERE seal < coalesce((
      SELECT min(seal) FROM audit_seal WHERE sealed >= now() - make_interval(years => ${Math.max(years, fewestYears)})),
      9223372036854775807)
    ORDER BY seal DESC LIMIT 1`)
