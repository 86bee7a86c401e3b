import { hasEnded } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { hashOf, newSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'
import { writtenAlike } from './subscriber.ts'

export type Binding = { readonly token: string; readonly expiresAt: Date; readonly subscriptions: readonly string[] }

/**
 * For a websocket that cannot send a bearer token. It binds those of the Subscriptions that were written with tokens like this one; undefined if
 * there are none. The caller must have read them.
 */
export const issueBinding = async (
  connection: Connection,
  ids: readonly string[],
  tokenHash: Buffer | undefined,
): Promise<Binding | undefined> => {
  const subscriptions = await writtenAlike(connection, ids, tokenHash)
  if (tokenHash === undefined || subscriptions.length === 0) return undefined
  const token = newSecret()
  await connection.run(sql.fragment`DELETE FROM binding_token WHERE expires_at <= now()`)
  const { expires_at } = await connection.one<{ expires_at: Date }>(sql.fragment`
    INSERT INTO binding_token (hash, subscriptions, token, expires_at)
    VALUES (${hashOf(token)}, ${sql.array([...subscriptions], 'text')}, ${sql.binary(tokenHash)},
      now() + interval '60 seconds')
    RETURNING expires_at`)
  return { token, expiresAt: expires_at, subscriptions }
}

/** The bearer token for which a binding token was issued. It is checked for as long as anything is bound by it. */
export type Holder = { readonly hash: Buffer; readonly grant: string | null }

/**
 * It can be used once: if two present it at the same time, one gets undefined. Only what is still written with tokens like the bearer token is bound,
 * and nothing once that has ended.
 */
export const takeBinding = async (
  connection: Connection,
  token: string,
): Promise<{ readonly holder: Holder; readonly ids: readonly string[] } | undefined> => {
  const row = await connection.maybeOne<Holder & { readonly subscriptions: readonly string[] }>(sql.fragment`
    WITH taken AS (
      DELETE FROM binding_token WHERE hash = ${hashOf(token)} AND expires_at > now() RETURNING subscriptions, token)
    SELECT token.hash, token.grant_id AS "grant", taken.subscriptions FROM taken JOIN token ON token.hash = taken.token`)
  if (row === undefined) return undefined
  const { hash, grant, subscriptions } = row
  const holder = { hash, grant }
  if (await isHolderOver(connection, holder)) return undefined
  return { holder, ids: await writtenAlike(connection, subscriptions, hash) }
}

/** It may have expired meanwhile. */
export const isHolderOver = async (connection: Connection, { hash, grant }: Holder): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM (SELECT ${sql.binary(hash)}::bytea AS hash, ${grant}::text AS grant_id) AS holder
    WHERE ${hasEnded(sql.fragment`holder`)}`)) !== undefined
