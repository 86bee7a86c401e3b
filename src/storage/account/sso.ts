import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** A browser that was sent to an identity provider. */
export type SsoRequest = {
  /** What comes back with the answer: `state`, or `InResponseTo`. */
  readonly id: string
  /** A secret that the browser keeps in a cookie. */
  readonly browser: string
  /** Path of this server to go on to. */
  readonly continued?: string | undefined
  /** Whether the provider was to ask anew who is there. */
  readonly isAskedAgain: boolean
}

/** Good once, for ten minutes. */
export const keepSsoRequest = async (
  connection: Connection,
  { id, browser, continued, isAskedAgain }: SsoRequest,
): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM sso_request WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO sso_request (id_hash, browser_hash, continued, asked_again, expires_at)
    VALUES (${hashOf(id)}, ${hashOf(browser)}, ${continued ?? null}, ${isAskedAgain}, now() + interval '10 minutes')`)
}

/** Of any number of answers at once, one has it; another browser has nothing, and ends nothing. */
export const takeSsoRequest = async (
  connection: Connection,
  { id, browser }: Pick<SsoRequest, 'id' | 'browser'>,
): Promise<TakenRequest | undefined> => {
  if (!isSecret(browser)) return undefined
  const row = await connection.maybeOne<{ continued: string | null; since: Date | null }>(sql.fragment`
    DELETE FROM sso_request
    WHERE id_hash = ${hashOf(id)} AND browser_hash = ${hashOf(browser)} AND expires_at > now()
    RETURNING continued, CASE WHEN asked_again THEN asked_at END AS since`)
  if (row === undefined) return undefined
  const { continued, since } = row
  return { ...(continued === null ? {} : { continued }), ...(since === null ? {} : { since }) }
}

export type TakenRequest = {
  readonly continued?: string
  /** A sign-in before that is no answer to it. */
  readonly since?: Date
}

/** Whom an identity provider has shown somebody to be. */
export type SsoArrival = {
  readonly issuer: string
  readonly subject: string
  /** Only an address that the provider has confirmed, and that belongs to the institution. */
  readonly email?: string
  /** Why there is none, for the log. */
  readonly noEmail?: string
  readonly name?: string
  /** Whether the provider's sign-in counts as two factors here. */
  readonly isMultiFactor: boolean
  /** When they signed in there, as ISO 8601 has it; absent where it does not tell. */
  readonly authenticatedAt?: string
  readonly continued?: string
}

/** Answers by what it is found again, for half an hour and in the same browser. */
export const keepSsoArrival = async (connection: Connection, browser: string, arrived: SsoArrival): Promise<string> => {
  const secret = newSecret()
  await connection.run(sql.fragment`DELETE FROM sso_arrival WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO sso_arrival (hash, browser_hash, arrived, expires_at)
    VALUES (${hashOf(secret)}, ${hashOf(browser)}, ${JSON.stringify(arrived)}::jsonb, now() + interval '30 minutes')`)
  return secret
}

export const findSsoArrival = async (
  connection: Connection,
  secret: string,
  browser: string,
): Promise<SsoArrival | undefined> => {
  if (!isSecret(secret) || !isSecret(browser)) return undefined
  const row = await connection.maybeOne<{ arrived: SsoArrival }>(sql.fragment`
    SELECT arrived FROM sso_arrival
    WHERE hash = ${hashOf(secret)} AND browser_hash = ${hashOf(browser)} AND expires_at > now()`)
  return row?.arrived
}

/** Whether a browser was sent out with the id, and has not come back yet. */
export const isSsoRequest = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM sso_request WHERE id_hash = ${hashOf(id)} AND expires_at > now()`)) !== undefined

/**
 * For an answer that another site posts, without our cookies: who has arrived is kept for the browser that was sent out, wherever
 * the answer comes from. Answers as `keepSsoArrival`; undefined for all but the first of those that answer the id, and for a
 * sign-in that was there before the provider was asked to ask anew.
 */
export const answerSsoRequest = async (
  connection: Connection,
  { id, signedInAt }: { readonly id: string; readonly signedInAt: Date },
  arrived: SsoArrival,
): Promise<string | undefined> => {
  const secret = newSecret()
  const kept = await connection.run(sql.fragment`
    WITH request AS (
      DELETE FROM sso_request
      WHERE id_hash = ${hashOf(id)} AND expires_at > now()
        AND (NOT asked_again OR ${signedInAt.toISOString()}::timestamptz >= asked_at - interval '1 minute')
      RETURNING browser_hash, continued,
        least(now(), greatest(${signedInAt.toISOString()}::timestamptz, CASE WHEN asked_again THEN asked_at END)) AS authenticated_at)
    INSERT INTO sso_arrival (hash, browser_hash, arrived, expires_at)
    SELECT ${hashOf(secret)}, browser_hash,
      ${JSON.stringify(arrived)}::jsonb
        || jsonb_strip_nulls(jsonb_build_object('continued', continued, 'authenticatedAt', authenticated_at)),
      now() + interval '30 minutes'
    FROM request`)
  return kept > 0 ? secret : undefined
}

/** Uses it: of two at once, one is told false. */
export const dropSsoArrival = async (connection: Connection, secret: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM sso_arrival WHERE hash = ${hashOf(secret)}`)) > 0

/** All that the browser keeps: whoever comes to it next is somebody else. */
export const dropSsoArrivalsOf = async (connection: Connection, browser: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM sso_arrival WHERE browser_hash = ${hashOf(browser)}`)
}

/** All of somebody's but the one, in whichever browser: each of them was to ask what has been answered, and would sign them in instead. */
export const dropOtherSsoArrivals = async (
  connection: Connection,
  secret: string,
  { issuer, subject }: Pick<SsoArrival, 'issuer' | 'subject'>,
): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM sso_arrival
    WHERE hash <> ${hashOf(secret)} AND arrived @> ${JSON.stringify({ issuer, subject })}::jsonb`)
}
