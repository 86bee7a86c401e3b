import type { Connection } from '../database.ts'
import { hashOf } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** What the authorization server keeps for a while under something that only its holder knows. */
export type AuthorizationRecord = {
  readonly kind: string
  /** What its holder shows; only its hash is kept. */
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

/** Keeps it only where the key is not kept already: of any number at once, one is told true. */
export const keepOnce = async (connection: Connection, record: AuthorizationRecord): Promise<boolean> => {
  const { kind, key, payload, ttlSeconds } = record
  const kept = await connection.run(sql.fragment`
    INSERT INTO authorization_record AS known (kind, hash, payload, expires_at)
    VALUES (${kind}, ${hashOf(key)}, ${JSON.stringify(payload)}::jsonb,
      now() + make_interval(secs => ${ttlSeconds}))
    ON CONFLICT (kind, hash) DO UPDATE SET expires_at = excluded.expires_at WHERE known.expires_at <= now()`)
  return kept > 0
}

type Found = { readonly payload: Readonly<Record<string, unknown>>; readonly consumedAt: Date | null }

/** Also where it has expired, or was consumed. */
export const findRecord = (connection: Connection, kind: string, key: string): Promise<Found | undefined> =>
  connection.maybeOne<Found>(sql.fragment`
    SELECT payload, consumed_at AS "consumedAt"
    FROM authorization_record WHERE kind = ${kind} AND hash = ${hashOf(key)}`)

/** Of any number at once, one is told true. */
export const consumeRecord = async (connection: Connection, kind: string, key: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE authorization_record SET consumed_at = now()
    WHERE kind = ${kind} AND hash = ${hashOf(key)} AND consumed_at IS NULL`)) > 0

export const removeRecord = async (connection: Connection, kind: string, key: string): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM authorization_record WHERE kind = ${kind} AND hash = ${hashOf(key)}`)
}

/**
 * Takes out what has expired, once in a while: codes after a day, so that one that comes twice is known for one, and access
 * tokens after a month, so that what was made with them still finds them. What was asked and never answered goes at once: anybody
 * asks, with as much as a request may hold. An app that registered itself goes after a month in which nobody has granted it anything.
 */
export const removeExpired = async (connection: Connection, { now = Date.now() } = {}): Promise<void> => {
  if (now < (nextRemoval.get(connection) ?? 0)) return
  nextRemoval.set(connection, now + removalPauseMs)
  await connection.run(sql.fragment`
    DELETE FROM authorization_record
    WHERE expires_at < now() AND (kind = 'Interaction' OR expires_at < now() - interval '1 day')`)
  await connection.run(sql.fragment`DELETE FROM token WHERE expires_at < now() - interval '30 days'`)
  await connection.run(sql.fragment`
    DELETE FROM client
    WHERE self_registered AND registered_at < now() - interval '30 days'
      AND NOT EXISTS (SELECT FROM authorization_grant AS given WHERE given.client_id = client.id)
      AND NOT EXISTS (SELECT FROM token WHERE token.client_id = client.id)`)
}

const removalPauseMs = 10 * 60 * 1000
const nextRemoval = new WeakMap<Connection, number>()
