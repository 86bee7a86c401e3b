import type { Connection } from '../database.ts'
import { hashOf } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'

export type SecondFactor = {
  /** The secret that the person's app was told, sealed; absent where there is none. */
  readonly authenticator?: string
  /** Whether an organization of theirs asks for a second factor. */
  readonly isNeeded: boolean
  /** Whether it was set up a week ago or before: whoever it is that has it, the account's owner has been told of it. */
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
 * Whether whoever has signed in by the methods has shown all that is asked of the person, within a statement. A second factor
 * that was given up since does not count; that of an identity provider does (`mfa`).
 */
export const areEnough = (methods: SqlFragment, person: SqlFragment): SqlFragment => sql.fragment`
  CASE WHEN EXISTS (
    SELECT FROM user_account WHERE user_account.person = ${person} AND user_account.authenticator IS NOT NULL)
  THEN ${methods} && '{otp,mfa}' ELSE 'mfa' = ANY (${methods}) OR NOT needs_second_factor(${person}) END`

/** From now on codes of the app are asked for; `timeStep` is that of the code that has shown that it works. */
export const setAuthenticator = async (
  connection: Connection,
  person: string,
  { sealed, timeStep }: { readonly sealed: string; readonly timeStep: number },
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE user_account SET authenticator = ${sealed}, authenticator_step = ${timeStep}, authenticator_at = now()
    WHERE person = ${person}`)
}

/** Also where an organization asks for it: the person sets up another at the next sign-in. False where there is none. */
export const removeAuthenticator = (connection: Connection, person: string): Promise<boolean> =>
  removeWhere(connection, person, sql.fragment`TRUE`)

/** False where an organization of theirs asks for it, and where there is none. */
export const forgoAuthenticator = (connection: Connection, person: string): Promise<boolean> =>
  removeWhere(connection, person, sql.fragment`NOT needs_second_factor(${person})`)

/** With it go the recovery codes. */
const removeWhere = async (connection: Connection, person: string, condition: SqlFragment): Promise<boolean> => {
  const removed = await connection.run(sql.fragment`
    UPDATE user_account SET authenticator = NULL, authenticator_at = NULL
    WHERE person = ${person} AND authenticator IS NOT NULL AND ${condition}`)
  if (removed > 0) await replaceRecoveryCodes(connection, person, [])
  return removed > 0
}

/**
 * "The verifier MUST NOT accept the second attempt of the OTP": of any number at once one is told true. Nor is a code accepted
 * that is older than one that was. https://www.rfc-editor.org/rfc/rfc6238#section-5.2
 */
export const useTimeStep = async (
  connection: Connection,
  person: string,
  { authenticator, timeStep }: { readonly authenticator: string; readonly timeStep: number },
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE user_account SET authenticator_step = ${timeStep}
    WHERE person = ${person} AND authenticator = ${authenticator} AND authenticator_step < ${timeStep}`)) > 0

/** Those that were there before are of use no more. */
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

/** Each once. */
export const useRecoveryCode = async (connection: Connection, person: string, code: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    DELETE FROM recovery_code WHERE person = ${person} AND hash = ${hashOf(code)}`)) > 0

export const countRecoveryCodes = async (connection: Connection, person: string): Promise<number> =>
  (
    await connection.one<{ readonly count: number }>(
      sql.fragment`SELECT count(*)::integer AS count FROM recovery_code WHERE person = ${person}`,
    )
  ).count
