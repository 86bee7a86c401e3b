import { createHmac } from 'node:crypto'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** What may be tried only so often within some time; when that is over, the count begins again. */
export type Limit = { readonly what: string; readonly tries: number; readonly minutes: number }

/**
 * Counts one more try, and answers whether it is allowed. To be called before the try itself, so that no more are allowed at once than in a row.
 * Whoever it is about need not exist.
 */
export const mayTry = async (
  connection: Connection,
  secretKey: Uint8Array,
  { what, tries, minutes }: Limit,
  whom: string,
): Promise<boolean> => {
  await connection.run(sql.fragment`DELETE FROM attempt WHERE expires_at < now() - interval '1 day'`)
  const counted = await connection.one<{ tries: number }>(sql.fragment`
    INSERT INTO attempt (key, tries, expires_at)
    VALUES (${sql.binary(keyOf(secretKey, what, whom))}, 1, now() + make_interval(mins => ${minutes}))
    ON CONFLICT (key) DO UPDATE SET
      tries = CASE WHEN ${isOver} THEN 1 ELSE attempt.tries + 1 END,
      expires_at = CASE WHEN ${isOver} THEN excluded.expires_at ELSE attempt.expires_at END
    RETURNING tries`)
  return counted.tries <= tries
}

/**
 * The time of the tries is over; or it began while the clock was ahead, and would last until the clock is there again. Of two tries at the same
 * moment the one that began later may be counted first, which is no reason to begin anew.
 */
const isOver = sql.fragment`(
  attempt.expires_at <= now() OR attempt.expires_at > excluded.expires_at + interval '10 minutes')`

/** When somebody who was refused may try again; now, if they may. */
export const endOfTries = async (
  connection: Connection,
  secretKey: Uint8Array,
  { what }: Limit,
  whom: string,
): Promise<Date> => {
  const counted = await connection.maybeOne<{ until: Date }>(sql.fragment`
    SELECT expires_at AS until FROM attempt WHERE key = ${sql.binary(keyOf(secretKey, what, whom))}`)
  return counted?.until ?? new Date()
}

/** To be called if nothing came of a try, so that it does not count. */
export const takeBackTry = async (
  connection: Connection,
  secretKey: Uint8Array,
  { what }: Limit,
  whom: string,
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE attempt SET tries = tries - 1 WHERE key = ${sql.binary(keyOf(secretKey, what, whom))} AND tries > 0`)
}

/** To be called after a success: earlier tries no longer count. */
export const forgetTries = async (
  connection: Connection,
  secretKey: Uint8Array,
  { what }: Limit,
  whom: string,
): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM attempt WHERE key = ${sql.binary(keyOf(secretKey, what, whom))}`)
}

/** A keyed hash, so that the table names nobody. */
const keyOf = (secretKey: Uint8Array, what: string, whom: string): Buffer =>
  createHmac('sha256', secretKey).update(`attempt ${what} ${whom}`).digest()
