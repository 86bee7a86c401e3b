import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** A browser that was sent to an identity provider. */
export type SsoRequest = {
  /** Comes back with the answer: `state`, or `InResponseTo`. */
  readonly id: string
  /** A secret that the browser keeps in a cookie. */
  readonly browser: string
  /** The path of this server to continue at. */
  readonly continued?: string | undefined
  /** Whether the provider was told to ask again who is there. */
  readonly isAskedAgain: boolean
}

/** It can be used once, within ten minutes. */
export const keepSsoRequest = async (
  connection: Connection,
  { id, browser, continued, isAskedAgain }: SsoRequest,
): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM sso_request WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO sso_request (id_hash, browser_hash, continued, asked_again, expires_at)
    VALUES (${hashOf(id)}, ${hashOf(browser)}, ${continued ?? null}, ${isAskedAgain}, now() + interval '10 minutes')`)
}

/** If several answers come at once, only one gets it. From another browser nothing is found, and nothing ended. */
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
  /** An earlier sign-in does not answer this request. */
  readonly since?: Date
}

/** Who somebody is, according to an identity provider. */
export type SsoArrival = {
  readonly issuer: string
  readonly subject: string
  /** Only if the provider has confirmed the address, and it belongs to the institution. */
  readonly email?: string
  /** Why there is no address, for the log. */
  readonly noEmail?: string
  readonly name?: string
  /** Whether the provider's sign-in counts as two factors here. */
  readonly isMultiFactor: boolean
  /** When they signed in there, in ISO 8601; absent if the provider does not say. */
  readonly authenticatedAt?: string
  readonly continued?: string
}

/** Answers the secret by which it is found again, for half an hour and in the same browser. */
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

/** Whether a browser was sent to the provider with the id, and has not come back yet. */
export const isSsoRequest = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM sso_request WHERE id_hash = ${hashOf(id)} AND expires_at > now()`)) !== undefined

/**
 * For an answer that another site posts, without our cookies: it is kept for the browser that was sent to the provider, wherever it comes from.
 * Answers like `keepSsoArrival`. Undefined for all but the first answer to the id, and for a sign-in from before the provider was told to ask again.
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

/** Uses it up. If two do so at the same time, one gets false. */
export const dropSsoArrival = async (connection: Connection, secret: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM sso_arrival WHERE hash = ${hashOf(secret)}`)) > 0

/** All that are kept for the browser: the next person at it is somebody else. */
export const dropSsoArrivalsOf = async (connection: Connection, browser: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM sso_arrival WHERE browser_hash = ${hashOf(browser)}`)
}

/** All others of the same person, in whichever browser: each of them was to ask what has been answered now, and would sign them in instead. */
export const dropOtherSsoArrivals = async (
  connection: Connection,
  secret: string,
  { issuer, subject }: Pick<SsoArrival, 'issuer' | 'subject'>,
): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM sso_arrival
    WHERE hash <> ${hashOf(secret)} AND arrived @> ${JSON.stringify({ issuer, subject })}::jsonb`)
}
