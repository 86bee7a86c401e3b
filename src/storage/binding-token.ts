import type { Connection } from './database.ts'
import { digestOf, newSecret } from './secret.ts'
import { sql } from './sql.ts'
import { writtenAlike } from './subscriber.ts'

export type Binding = { readonly token: string; readonly expiresAt: Date; readonly subscriptions: readonly string[] }

/**
 * For a websocket that cannot send a bearer token, of those Subscriptions that were written with tokens like this one; undefined
 * where none was. Whoever asks must have read them.
 */
export const issueBinding = async (
  connection: Connection,
  ids: readonly string[],
  tokenHash: Buffer | undefined,
): Promise<Binding | undefined> => {
  const subscriptions = await writtenAlike(connection, ids, tokenHash)
  if (subscriptions.length === 0) return undefined
  const token = newSecret()
  await connection.run(sql.fragment`DELETE FROM binding_token WHERE expires_at <= now()`)
  const { expires_at } = await connection.one<{ expires_at: Date }>(sql.fragment`
    INSERT INTO binding_token (hash, subscriptions, expires_at)
    VALUES (${sql.binary(digestOf(token))}, ${sql.array([...subscriptions], 'text')}, now() + interval '60 seconds')
    RETURNING expires_at`)
  return { token, expiresAt: expires_at, subscriptions }
}

/** Once: of two that present the same, one is told nothing. */
export const takeBinding = async (connection: Connection, token: string): Promise<readonly string[]> => {
  const row = await connection.maybeOne<{ subscriptions: string[] }>(sql.fragment`
    DELETE FROM binding_token WHERE hash = ${sql.binary(digestOf(token))} AND expires_at > now() RETURNING subscriptions`)
  return row?.subscriptions ?? []
}
