import type { Caller, ClientPolicy } from '../../access/caller.ts'
import { isBarred, isBarredPatient } from '../account/barred.ts'
import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isCalledOff } from '../study/app-invitation.ts'
import { isGrantIdInForce } from './grant-in-force.ts'
import { callerRows, type TokenRow, toCaller } from './token-row.ts'

/** Whom a token stands for. */
type TokenSubject =
  | { readonly kind: 'user'; readonly person: string; readonly launchPatient?: string }
  | { readonly kind: 'patient'; readonly patient: string }
  | { readonly kind: 'client' }
  | { readonly kind: 'administrator' }

export type TokenRequest = {
  readonly subject: TokenSubject
  /** Id of a client; `cli` for tokens of the command line. */
  readonly client: string
  readonly scope: string
  readonly ttlSeconds: number
  /** Narrows it to one ResearchStudy, by id. */
  readonly study?: string
  /** Only for a client's own token: what it may do beyond what the client may. */
  readonly policies?: readonly ClientPolicy[]
  readonly grantId?: string
}

/** Answers the token, 43 base64url characters, of which only the hash is stored. The client must exist. */
export const issueToken = async (connection: Connection, request: TokenRequest): Promise<string> => {
  const token = newSecret()
  const { subject, client, scope, ttlSeconds, study, policies, grantId } = request
  const context = JSON.stringify({ study, policies })
  const patient =
    subject.kind === 'patient' ? subject.patient : subject.kind === 'user' ? subject.launchPatient : undefined
  await connection.run(sql.fragment`
    INSERT INTO token (hash, kind, person_id, patient_id, client_id, scope, context, grant_id, expires_at)
    VALUES (${hashOf(token)}, ${subject.kind}, ${subject.kind === 'user' ? subject.person : null},
      ${patient ?? null}, ${client}, ${scope}, ${context}::jsonb, ${grantId ?? null},
      now() + make_interval(secs => ${ttlSeconds}))`)
  return token
}

/** Undefined for a token that is unknown, expired or revoked, whose grant has ended or whose Person is not active, and for text that is no token. */
export const findCaller = async (connection: Connection, bearer: string): Promise<Caller | undefined> =>
  (await findToken(connection, bearer))?.caller

/** The same, with the moment when the token expires, and whether it ends with a sign-in. */
export const findToken = async (connection: Connection, bearer: string): Promise<TokenFound | undefined> => {
  if (!isSecret(bearer)) return undefined
  const row = await connection.maybeOne<
    TokenRow & { readonly expires_at: Date; readonly online: boolean }
  >(sql.fragment`
    ${callerRows(sql.fragment`token`, sql.fragment`token.expires_at, ${isOnline} AS online,`)}
    WHERE token.hash = ${hashOf(bearer)} AND ${isTokenInForce}`)
  return row && { caller: { ...toCaller(row), tokenHash: row.hash }, expiresAt: row.expires_at, isOnline: row.online }
}

type TokenFound = { readonly caller: Caller; readonly expiresAt: Date; readonly isOnline: boolean }

const isOnline = sql.fragment`EXISTS (
  SELECT FROM authorization_grant AS given WHERE given.id = token.grant_id AND given.session IS NOT NULL)`

/** For a row of `token`: it ends with its grant or, without a grant, when its Person, or the Person of its Patient, is no longer active. */
const isNotEnded: SqlFragment = sql.fragment`(
  token.revoked_at IS NULL
  AND CASE
    WHEN token.grant_id IS NOT NULL THEN ${isGrantIdInForce(sql.fragment`token.grant_id`)}
    ELSE NOT ${isBarred(sql.fragment`token.person_id`)}
      AND (token.kind <> 'patient' OR NOT ${isBarredPatient(sql.fragment`token.patient_id`)})
  END)`

/** For a row of `token`. */
export const isTokenInForce: SqlFragment = sql.fragment`(token.expires_at > now() AND ${isNotEnded})`

/** The caller of a token that has let in something which still goes on: it may have expired meanwhile, but must not have been ended. */
export const findGoingOn = async (connection: Connection, bearer: string): Promise<Caller | undefined> => {
  if (!isSecret(bearer)) return undefined
  const row = await connection.maybeOne<TokenRow>(sql.fragment`
    ${callerRows(sql.fragment`token`)} WHERE token.hash = ${hashOf(bearer)} AND ${isNotEnded}`)
  return row && toCaller(row)
}

/** The caller of a token that `findToken` does not answer; undefined if there never was such a token. */
export const findRefused = async (connection: Connection, bearer: string): Promise<Caller | undefined> => {
  if (!isSecret(bearer)) return undefined
  const row = await connection.maybeOne<TokenRow>(
    sql.fragment`${callerRows(sql.fragment`token`)} WHERE token.hash = ${hashOf(bearer)}`,
  )
  return row && toCaller(row)
}

/** The caller of a token, from a copy of its row in another table that has its columns, and `id`. Whether it has expired is not asked. */
export const findCallerOf = async (
  connection: Connection,
  copies: SqlFragment,
  id: string,
): Promise<Caller | undefined> => {
  const row = await connection.maybeOne<TokenRow>(callerOfCopy(copies, sql.fragment`${id}`))
  return row && toCaller(row)
}

/** The same as a query, for a statement that reads more of the copy. */
export const callerOfCopy = (copies: SqlFragment, id: SqlFragment): SqlFragment => sql.fragment`
    ${callerRows(copies)}
    WHERE token.id = ${id} AND NOT ${isBarred(sql.fragment`token.person_id`)}
      AND (token.kind <> 'patient' OR NOT ${isBarredPatient(sql.fragment`token.patient_id`)}
        AND NOT ${isCalledOff(sql.fragment`token.grant_id`)})`

/** The caller that a token of the person would stand for, for what our own pages do on their behalf. No such token is issued. */
export const callerOfPerson = async (
  connection: Connection,
  { person, client, scope, patient }: OnBehalf,
): Promise<Caller> => {
  const row = await connection.one<TokenRow>(
    callerRows(sql.fragment`(
      SELECT ''::bytea AS hash, 'user' AS kind, ${person}::text AS person_id, ${patient ?? null}::text AS patient_id,
        ${client}::text AS client_id, ${scope}::text AS scope, '{}'::jsonb AS context, NULL::text AS grant_id)`),
  )
  return toCaller(row)
}

type OnBehalf = {
  readonly person: string
  readonly client: string
  readonly scope: string
  readonly patient?: string | undefined
}

/** The same for one of the person's Patients, even if they are staff elsewhere; undefined for any other Patient. */
export const callerOfPatient = async (
  connection: Connection,
  { person, client, scope, patient }: OnBehalf & { readonly patient: string },
): Promise<Caller | undefined> => {
  const row = await connection.maybeOne<TokenRow>(sql.fragment`
    ${callerRows(sql.fragment`(
      SELECT ''::bytea AS hash, 'patient' AS kind, NULL::text AS person_id, linked.patient AS patient_id,
        ${client}::text AS client_id, ${scope}::text AS scope, '{}'::jsonb AS context, NULL::text AS grant_id
      FROM person_patient AS linked WHERE linked.person = ${person} AND linked.patient = ${patient})`)}`)
  return row && toCaller(row)
}

/** Ids of the Patients that the Person is, or acts for. */
export const patientsOf = async (connection: Connection, person: string): Promise<readonly string[]> =>
  (
    await connection.any<{ readonly patient: string }>(
      sql.fragment`SELECT patient FROM person_patient WHERE person = ${person} ORDER BY patient`,
    )
  ).map(({ patient }) => patient)

/** One Patient for each compartment, of those that the Person is or acts for, since several may be one human. */
export const compartmentsOf = async (connection: Connection, person: string): Promise<readonly string[]> =>
  (
    await connection.any<{ readonly patient: string }>(sql.fragment`
      SELECT min(linked.patient) AS patient
      FROM person_patient AS linked
      JOIN patient_compartment AS compartment ON compartment.id = linked.patient
      WHERE linked.person = ${person}
      GROUP BY compartment.patient_id
      ORDER BY patient`)
  ).map(({ patient }) => patient)

/** The one among `compartmentsOf` that is the same human as this Patient; undefined if the Person is not that, and does not act for them. */
export const compartmentOf = async (
  connection: Connection,
  person: string,
  patient: string,
): Promise<string | undefined> =>
  (
    await connection.one<{ readonly patient: string | null }>(sql.fragment`
      SELECT min(linked.patient) AS patient
      FROM person_patient AS asked
      JOIN patient_compartment AS compartment ON compartment.id = asked.patient
      JOIN patient_compartment AS same ON same.patient_id = compartment.patient_id
      JOIN person_patient AS linked ON linked.person = asked.person AND linked.patient = same.id
      WHERE asked.person = ${person} AND asked.patient = ${patient}`)
  ).patient ?? undefined

/** Whether the token was revoked of which a row is a copy, or its grant: then no token of the grant is in force. */
export const isRevoked = (copy: SqlFragment): SqlFragment => sql.fragment`(
  EXISTS (SELECT FROM token AS own WHERE own.hash = ${copy}.hash AND own.revoked_at IS NOT NULL)
  OR (
    EXISTS (SELECT FROM token AS granted WHERE granted.grant_id = ${copy}.grant_id)
    AND NOT EXISTS (
      SELECT FROM token AS granted WHERE granted.grant_id = ${copy}.grant_id AND granted.revoked_at IS NULL)))`

/**
 * The same, or the grant is no longer in force: what somebody granted ends when they sign out, if it was bound to that, or lose the role that it
 * needed.
 */
export const hasEnded = (copy: SqlFragment): SqlFragment => sql.fragment`(
  ${isRevoked(copy)} OR ${copy}.grant_id IS NOT NULL AND NOT ${isGrantIdInForce(sql.fragment`${copy}.grant_id`)})`

/** Everything in a token's row, or a copy of it, that decides what it may do. */
export const rightsOf = (token: SqlFragment): SqlFragment => sql.fragment`jsonb_build_array(
  ${token}.kind, ${token}.person_id, ${token}.patient_id, ${token}.client_id, ${token}.scope, ${token}.context)`

/** False if there was nothing to revoke. It takes effect with the next request. */
export const revokeToken = async (connection: Connection, bearer: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE token SET revoked_at = now() WHERE hash = ${hashOf(bearer)} AND revoked_at IS NULL`)) > 0
