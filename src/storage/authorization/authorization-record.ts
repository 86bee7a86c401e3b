import type { Connection, Database } from '../database.ts'
import { hashOf } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** What the authorization server keeps for a while, under a key that only its holder knows. */
export type AuthorizationRecord = {
  readonly kind: string
  /** What its holder shows; only its hash is stored. */
  readonly key: string
  readonly payload: object
  readonly grantId?: string | undefined
  readonly ttlSeconds: number
}

export const keepRecord = async (connection: Connection, record: AuthorizationRecord): Promise<void> => {
  const { kind, key, payload, grantId, ttlSeconds } = record
  await connection.run(sql.fragment`
    INSERT INTO authorization_record (kind, hash, payload, grant_id, expires_at)
    VALUES (${kind}, ${hashOf(key)}, ${JSON.stringify(payload)}::jsonb, ${grantId ?? null},
      now() + make_interval(secs => ${ttlSeconds}))
    ON CONFLICT (kind, hash) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at`)
}

/** Keeps it only if the key is not kept already. If several do so at the same time, one gets true. */
export const keepOnce = async (connection: Connection, record: AuthorizationRecord): Promise<boolean> => {
  const { kind, key, payload, ttlSeconds } = record
  const kept = await connection.run(sql.fragment`
    INSERT INTO authorization_record AS known (kind, hash, payload, expires_at)
    VALUES (${kind}, ${hashOf(key)}, ${JSON.stringify(payload)}::jsonb,
      now() + make_interval(secs => ${ttlSeconds}))
    ON CONFLICT (kind, hash) DO UPDATE SET expires_at = excluded.expires_at WHERE known.expires_at <= now()`)
  return kept > 0
}

/** Whether `keepOnce` would say no now. */
export const isKept = async (connection: Connection, kind: string, key: string): Promise<boolean> =>
  (
    await connection.any(sql.fragment`
    SELECT FROM authorization_record WHERE kind = ${kind} AND hash = ${hashOf(key)} AND expires_at > now()`)
  ).length > 0

type Found = { readonly payload: Readonly<Record<string, unknown>>; readonly consumedAt: Date | null }

/** Even if it has expired, or was consumed. */
export const findRecord = (connection: Connection, kind: string, key: string): Promise<Found | undefined> =>
  connection.maybeOne<Found>(sql.fragment`
    SELECT payload, consumed_at AS "consumedAt"
    FROM authorization_record WHERE kind = ${kind} AND hash = ${hashOf(key)}`)

/** If several do so at the same time, one gets true. */
export const consumeRecord = async (connection: Connection, kind: string, key: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE authorization_record SET consumed_at = now()
    WHERE kind = ${kind} AND hash = ${hashOf(key)} AND consumed_at IS NULL`)) > 0

export const removeRecord = async (connection: Connection, kind: string, key: string): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM authorization_record WHERE kind = ${kind} AND hash = ${hashOf(key)}`)
}

/**
 * Every now and then, deletes what has expired. Codes are kept for a day, so that a second use is recognised, and access tokens for a month, so that
 * what was made with them can still find them, or for as long as a Subscription that was written with one goes on, or a document that came with one
 * waits: these end when the token is revoked, also later. Questions that were never answered are deleted at once, since anybody can ask them, with as
 * much as fits into a request. An app that registered itself is deleted after a month in which nobody has granted it anything.
 */
export const removeExpired = async (database: Database, { now = performance.now() } = {}): Promise<void> => {
  if (now < (nextRemoval.get(database) ?? 0)) return
  nextRemoval.set(database, now + removalPauseMs)
  await database.run(sql.fragment`
    DELETE FROM authorization_record
    WHERE expires_at < now() AND (kind = 'Interaction' OR expires_at < now() - interval '1 day')`)
  await database.run(sql.fragment`
    DELETE FROM token
    WHERE expires_at < now() - interval '30 days'
      AND NOT EXISTS (SELECT FROM subscriber WHERE subscriber.hash = token.hash AND subscriber.status <> 'off')
      AND NOT EXISTS (SELECT FROM quarantined_document AS document WHERE document.hash = token.hash AND document.state = 'waiting')`)
  await removeUnused(database)
}

/** Whoever grants something to an app holds it meanwhile. What was granted just before it was locked here is seen by the last statement. */
const removeUnused = async (database: Database): Promise<void> => {
  const unused = await database.any<Id>(sql.fragment`SELECT id FROM client WHERE ${isUnused}`)
  if (unused.length === 0) return
  await database.transaction(async connection => {
    const locked = await connection.any<Id>(
      sql.fragment`SELECT id FROM client WHERE ${isAmong(unused)} FOR UPDATE SKIP LOCKED`,
    )
    await connection.run(sql.fragment`DELETE FROM client WHERE ${isAmong(locked)} AND ${isUnused}`)
  })
}

type Id = { readonly id: string }

const isAmong = (apps: readonly Id[]): SqlFragment => {
  const ids = apps.map(({ id }) => id)
  return sql.fragment`id = ANY(${sql.array(ids, 'text')})`
}

const isUnused = sql.fragment`(
  self_registered AND registered_at < now() - interval '30 days'
  AND NOT EXISTS (SELECT FROM authorization_grant AS given WHERE given.client_id = client.id)
  AND NOT EXISTS (SELECT FROM token WHERE token.client_id = client.id))`

const removalPauseMs = 10 * 60 * 1000
const nextRemoval = new WeakMap<Database, number>()
