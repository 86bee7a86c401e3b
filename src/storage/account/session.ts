import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../../access/caller.ts'
import { recordSignIn } from '../audit/sign-in.ts'
import { findCallerOf } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { type AuthenticatedAt, fromColumn, type Method, toColumn } from './authentication.ts'
import { isSessionInForce, sessionInForce } from './session-in-force.ts'
import { endSteps } from './sign-in-step.ts'

/** A person who is signed in with a browser. */
export type Session = {
  readonly id: string
  /** Id of the Person. */
  readonly person: string
  readonly signedInAt: Date
  readonly authenticatedAt: AuthenticatedAt
  readonly methods: readonly Method[]
  /** Two words for a list: `Firefox on Android`. */
  readonly device: string
  readonly seenAt: Date
  /** The EHR in whose frame alone it lives. */
  readonly frame?: { readonly config: string; readonly issuer: string; readonly origins: readonly string[] }
}

export type NewSession = Pick<Session, 'person' | 'methods' | 'device'> & {
  /** Now, where nothing is said. */
  readonly authenticatedAt?: AuthenticatedAt | undefined
  /** Id of the configuration of the EHR in whose frame alone it is to live. */
  readonly frame?: string | undefined
}

/** Answers what the cookie holds: only its hash is kept. */
export const startSession = async (
  connection: Connection,
  { person, methods, device, authenticatedAt, frame }: NewSession,
): Promise<string> => {
  const cookie = newSecret()
  await connection.run(sql.fragment`DELETE FROM user_session WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO user_session (id, hash, person, methods, device, authenticated_at, frame, expires_at)
    VALUES (${uuidv7()}, ${hashOf(cookie)}, ${person}, ${sql.array([...methods], 'text')}, ${device},
      ${toColumn(authenticatedAt)}, ${frame ?? null}, now() + make_interval(secs => ${lifetimeSeconds}))`)
  await recordSignIn(connection, { person, outcome: 200 })
  return cookie
}

/** Undefined for a cookie of no session in force, and for none. Finding it is using it. */
export const findSession = (connection: Connection, cookie: string): Promise<Session | undefined> =>
  find(connection, cookie, sql.fragment`session.frame IS NULL`)

/** One that lives in a frame, as long as that EHR may show one. */
export const findFramedSession = (connection: Connection, cookie: string): Promise<Session | undefined> =>
  find(connection, cookie, sql.fragment`ehr.enabled AND cardinality(ehr.frame_origins) > 0`)

const find = async (connection: Connection, cookie: string, where: SqlFragment): Promise<Session | undefined> => {
  if (!isSecret(cookie)) return undefined
  const row = await connection.maybeOne<SessionRow>(sql.fragment`
    SELECT ${columns} FROM ${sessions} WHERE session.hash = ${hashOf(cookie)} AND ${sessionInForce} AND ${where}`)
  if (row === undefined) return undefined
  await connection.run(sql.fragment`
    UPDATE user_session SET seen_at = now() WHERE id = ${row.id} AND seen_at < now() - interval '1 minute'`)
  return toSession(row)
}

/** Who the session is when a page of ours calls the FHIR API: with these scopes, and no others. */
export const findSessionCaller = async (connection: Connection, cookie: string): Promise<Caller | undefined> => {
  const session = await findSession(connection, cookie)
  return session && (await callerOfSession(connection, session))
}

export const callerOfSession = (connection: Connection, { id }: Session): Promise<Caller | undefined> =>
  findCallerOf(connection, asTokens, id)

/** Reading alone: what pages write, they write by their own forms. */
const firstPartyScopes = 'openid fhirUser user/*.rs'

const asTokens = sql.fragment`(
  SELECT id, hash, 'user' AS kind, person AS person_id, NULL::text AS patient_id, NULL::text AS grant_id, 'pages' AS client_id,
    ${firstPartyScopes}::text AS scope, '{}'::jsonb AS context
  FROM user_session)`

/** Those in force, the latest first. */
export const sessionsOf = async (connection: Connection, person: string): Promise<readonly Session[]> => {
  const rows = await connection.any<SessionRow>(sql.fragment`
    SELECT ${columns} FROM ${sessions}
    WHERE session.person = ${person} AND ${sessionInForce} ORDER BY session.started_at DESC, session.id`)
  return rows.map(toSession)
}

/** The person's own only; false where there is no such session. */
export const endSession = async (connection: Connection, person: string, id: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM user_session WHERE person = ${person} AND id = ${id}`)) > 0

/** Whether the session of the id has not ended. */
export const isInForce = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT WHERE ${isSessionInForce(sql.fragment`${id}`)}`)) !== undefined

/** All of the person's, but for the one that is to stay; half sign-ins as well. */
export const endSessions = async (connection: Connection, person: string, kept?: string): Promise<void> => {
  // First: it waits for whoever is making a session of one, which is then among those that end.
  await endSteps(connection, person)
  await connection.run(sql.fragment`
    DELETE FROM user_session WHERE person = ${person} AND id IS DISTINCT FROM ${kept ?? null}::text`)
}

const lifetimeSeconds = 12 * 60 * 60

const columns = sql.fragment`session.id, session.person, session.methods, session.device, session.started_at,
  session.authenticated_at, session.seen_at, session.frame, ehr.issuer, coalesce(ehr.frame_origins, '{}') AS frame_origins`

const sessions = sql.fragment`user_session AS session LEFT JOIN smart_client_config AS ehr ON ehr.id = session.frame`

type SessionRow = {
  readonly id: string
  readonly person: string
  readonly methods: Method[]
  readonly device: string
  readonly started_at: Date
  readonly authenticated_at: Date | null
  readonly seen_at: Date
  readonly frame: string | null
  readonly issuer: string | null
  readonly frame_origins: readonly string[]
}

const toSession = ({
  started_at,
  authenticated_at,
  seen_at,
  frame,
  issuer,
  frame_origins,
  ...row
}: SessionRow): Session => ({
  ...row,
  signedInAt: started_at,
  authenticatedAt: fromColumn(authenticated_at),
  seenAt: seen_at,
  ...(frame === null || issuer === null ? {} : { frame: { config: frame, issuer, origins: frame_origins } }),
})
