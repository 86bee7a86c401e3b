import type { Connection } from '../database.ts'
import { hashOf } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'

export type SecondFactor = {
  /** The secret that the person's app was given, sealed; absent if there is none. */
  readonly authenticator?: string
  /** Whether one of their organizations requires a second factor. */
  readonly isNeeded: boolean
  /** Whether it was set up a week ago or earlier. By then the account's owner has been told of it, whoever set it up. */
  readonly isOld: boolean
}

export const findSecondFactor = async (connection: Connection, person: string): Promise<SecondFactor> => {
  const row = await connection.one<{ authenticator: string | null; old: boolean; needed: boolean }>(sql.fragment`
    SELECT account.authenticator, coalesce(account.authenticator_at < now() - interval '7 days', FALSE) AS old,
      needs_second_factor(${person}) AS needed
    FROM (SELECT) AS one LEFT JOIN user_account AS account ON account.person = ${person}`)
  const { authenticator, old, needed } = row
  return { isNeeded: needed, isOld: old, ...(authenticator === null ? {} : { authenticator }) }
}

/**
 * In a statement: whether these methods of signing in are all that is required of the person. A second factor that they have given up since then does
 * not count; that of an identity provider (`mfa`) does.
 */
export const areEnough = (methods: SqlFragment, person: SqlFragment): SqlFragment => sql.fragment`
  CASE WHEN EXISTS (
    SELECT FROM user_account WHERE user_account.person = ${person} AND user_account.authenticator IS NOT NULL)
  THEN ${methods} && '{otp,mfa}' ELSE 'mfa' = ANY (${methods}) OR NOT needs_second_factor(${person}) END`

/** From now on codes of the app are required. `timeStep` is that of the code which proved that the app works. */
export const setAuthenticator = async (
  connection: Connection,
  person: string,
  { sealed, timeStep }: { readonly sealed: string; readonly timeStep: number },
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE user_account SET authenticator = ${sealed}, authenticator_step = ${timeStep}, authenticator_at = now()
    WHERE person = ${person}`)
}

/** Even if an organization requires it: then the person sets up another at the next sign-in. False if there is none. */
export const removeAuthenticator = (connection: Connection, person: string): Promise<boolean> =>
  removeWhere(connection, person, sql.fragment`TRUE`)

/** False if one of their organizations requires it, or if there is none. */
export const forgoAuthenticator = (connection: Connection, person: string): Promise<boolean> =>
  removeWhere(connection, person, sql.fragment`NOT needs_second_factor(${person})`)

/** Removes the recovery codes as well. */
const removeWhere = async (connection: Connection, person: string, condition: SqlFragment): Promise<boolean> => {
  const removed = await connection.run(sql.fragment`
    UPDATE user_account SET authenticator = NULL, authenticator_at = NULL
    WHERE person = ${person} AND authenticator IS NOT NULL AND ${condition}`)
  if (removed > 0) await replaceRecoveryCodes(connection, person, [])
  return removed > 0
}

/**
 * "The verifier MUST NOT accept the second attempt of the OTP": if a code is used several times at once, only one of them gets true. Nor is a code
 * accepted that is older than the last accepted one. https://www.rfc-editor.org/rfc/rfc6238#section-5.2
 */
export const useTimeStep = async (
  connection: Connection,
  person: string,
  { authenticator, timeStep }: { readonly authenticator: string; readonly timeStep: number },
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE user_account SET authenticator_step = ${timeStep}
    WHERE person = ${person} AND authenticator = ${authenticator} AND authenticator_step < ${timeStep}`)) > 0

/** The previous ones can no longer be used. */
export const replaceRecoveryCodes = async (
  connection: Connection,
  person: string,
  codes: readonly string[],
): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM recovery_code WHERE person = ${person}`)
  for (const code of codes)
    await connection.run(sql.fragment`
      INSERT INTO recovery_code (person, hash) VALUES (${person}, ${hashOf(code)})`)
}

/** Each can be used once. */
export const useRecoveryCode = async (connection: Connection, person: string, code: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    DELETE FROM recovery_code WHERE person = ${person} AND hash = ${hashOf(code)}`)) > 0

export const countRecoveryCodes = async (connection: Connection, person: string): Promise<number> =>
  (
    await connection.one<{ readonly count: number }>(
      sql.fragment`SELECT count(*)::integer AS count FROM recovery_code WHERE person = ${person}`,
    )
  ).count
