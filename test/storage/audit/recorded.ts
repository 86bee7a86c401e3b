import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { type AuditRecord, insertRecords } from '../../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { type AuditHead, sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import type { Database } from '../../../src/storage/database.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

export const key = auditKeyOf(randomBytes(32))

export const opened = async (t: Test, poolSize = 4): Promise<Database> => {
  const { database } = await openTestDatabase(t, { poolSize })
  return database
}

export const read: AuditRecord = {
  client: 'cli',
  person: 'ñandú',
  interaction: 'read',
  type: 'Observation',
  patients: [3, 4],
  kinds: [1],
  query: 'code=…',
  outcome: 200,
}

export const recorded = async (
  t: Test,
  seals: number,
): Promise<{ database: Database; heads: readonly AuditHead[] }> => {
  const database = await opened(t)
  const heads: AuditHead[] = []
  for (let seal = 0; seal < seals; seal += 1) {
    await insertRecords(database, [read, { ...read, outcome: 404 }])
    const head = await sealAudit(database, key)
    if (head !== undefined) heads.push(head)
  }
  return { database, heads }
}

/** A record in which everything is older than six years; `seals`: how many, or how many years ago each was made, the oldest first. */
export const aged = async (t: Test, seals: number | readonly number[]) => {
  const database = await opened(t)
  const heads: AuditHead[] = []
  for (const years of typeof seals === 'number' ? Array<number>(seals).fill(6.5) : seals) {
    const old = new Date(Date.now() - years * 365.25 * 24 * 3_600_000)
    await insertRecords(database, [read, read])
    await tamper(
      database,
      sql.fragment`
        UPDATE audit_record SET recorded = ${old.toISOString()}::timestamptz WHERE recorded > now() - interval '1 year'`,
    )
    const head = await sealAudit(database, key, { now: old })
    if (head !== undefined) heads.push(head)
  }
  return { database, heads }
}

/** Changes rows past the triggers, as somebody who controls the database can. */
export const tamper = (database: Database, ...changes: readonly SqlFragment[]): Promise<void> =>
  database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL session_replication_role = replica`)
    for (const change of changes) await connection.run(change)
  })
