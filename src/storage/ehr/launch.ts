import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecretBeside } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** What the EHR said about itself when the browser was sent to it. It has to be the same when the browser comes back. */
export type EhrMetadata = {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly token_endpoint_auth_methods_supported?: readonly string[]
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[]
  readonly authorization_response_iss_parameter_supported?: boolean
}

/** `browser`: a secret that the browser keeps in a cookie. */
export type EhrLaunch = {
  readonly state: string
  readonly browser: string
  /** Id of the EHR's configuration. */
  readonly config: string
  readonly metadata: EhrMetadata
}

/** It can be used once, within ten minutes. */
export const keepEhrLaunch = async (
  connection: Connection,
  { state, browser, config, metadata }: EhrLaunch,
): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM ehr_launch WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO ehr_launch (state_hash, browser_hash, config, metadata, expires_at)
    VALUES (${hashOf(state)}, ${hashOf(browser)}, ${config}, ${JSON.stringify(metadata)}::jsonb, now() + interval '10 minutes')`)
}

/**
 * If several come back with the state at the same time, only one gets it. With another browser, or at the address of another configuration, nothing
 * is found, and nothing ended.
 */
export const takeEhrLaunch = async (
  connection: Connection,
  { state, browser, config }: Pick<EhrLaunch, 'state' | 'browser' | 'config'>,
): Promise<EhrMetadata | undefined> => {
  if (!isSecret(state) || !isSecret(browser)) return undefined
  const taken = await connection.maybeOne<Pick<EhrLaunch, 'metadata'>>(sql.fragment`
    DELETE FROM ehr_launch
    WHERE state_hash = ${hashOf(state)} AND browser_hash = ${hashOf(browser)} AND config = ${config} AND expires_at > now()
    RETURNING metadata`)
  return taken?.metadata
}

type Arrival = { readonly browser: string; readonly config: string; readonly arrived: string }

/**
 * Answers the secret by which it is found again, for half an hour and in the same browser. Only its hash is stored. It begins like the state, since
 * what the browser keeps for a launch is named after that.
 */
export const keepArrival = async (
  connection: Connection,
  { state, browser, config, arrived }: Arrival & Pick<EhrLaunch, 'state'>,
): Promise<string> => {
  const secret = newSecretBeside(state)
  await connection.run(sql.fragment`DELETE FROM ehr_arrival WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO ehr_arrival (hash, browser_hash, config, arrived, expires_at)
    VALUES (${hashOf(secret)}, ${hashOf(browser)}, ${config}, ${arrived}, now() + interval '30 minutes')`)
  return secret
}

export const findArrival = async (
  connection: Connection,
  secret: string,
  browser: string,
): Promise<Pick<Arrival, 'config' | 'arrived'> | undefined> => {
  if (!isSecret(secret) || !isSecret(browser)) return undefined
  return connection.maybeOne(sql.fragment`
    SELECT config, arrived FROM ehr_arrival
    WHERE hash = ${hashOf(secret)} AND browser_hash = ${hashOf(browser)} AND expires_at > now()`)
}

/** From then on it belongs to another browser, and no longer to the first one. False if it is not the first one's. */
export const moveArrival = async (
  connection: Connection,
  secret: string,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<boolean> => {
  if (![secret, from, to].every(isSecret)) return false
  const moved = await connection.run(sql.fragment`
    UPDATE ehr_arrival SET browser_hash = ${hashOf(to)}
    WHERE hash = ${hashOf(secret)} AND browser_hash = ${hashOf(from)} AND expires_at > now()`)
  return moved > 0
}

export const dropArrival = async (connection: Connection, secret: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM ehr_arrival WHERE hash = ${hashOf(secret)}`)
}
