import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../../access/caller.ts'
import { recordSignIn } from '../audit/sign-in.ts'
import { findCallerOf } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { type AuthenticatedAt, fromColumn, type Method, toColumn } from './authentication.ts'
import { isBarred } from './barred.ts'
import { idleEnd, isSessionInForce, sessionInForce } from './session-in-force.ts'
import { endSteps } from './sign-in-step.ts'

/** A person who is signed in with a browser. */
export type Session = {
  readonly id: string
  /** Id of the Person. */
  readonly person: string
  readonly signedInAt: Date
  readonly authenticatedAt: AuthenticatedAt
  readonly methods: readonly Method[]
  /** A short description for a list: `Firefox on Android`. */
  readonly device: string
  readonly seenAt: Date
  readonly ending: SessionEnding
  /** The EHR, if the session is only for a frame of that EHR. */
  readonly frame?: { readonly config: string; readonly issuer: string; readonly origins: readonly string[] }
}

/** When it ends if nobody uses it from now on; final: when it ends however much it is used. */
export type SessionEnding = { readonly inSeconds: number; readonly isFinal: boolean }

export type NewSession = Pick<Session, 'person' | 'methods' | 'device'> & {
  /** Now, if not given. */
  readonly authenticatedAt?: AuthenticatedAt | undefined
  /** Id of the EHR's configuration, if the session is only for a frame of that EHR. */
  readonly frame?: string | undefined
}

/** Answers the value of the cookie, of which only the hash is stored. If their Person is not active, it opens nothing, also when it is again. */
export const startSession = async (
  connection: Connection,
  { person, methods, device, authenticatedAt, frame }: NewSession,
): Promise<string> => {
  const cookie = newSecret()
  await connection.run(sql.fragment`DELETE FROM user_session WHERE expires_at <= now()`)
  const started = await connection.run(sql.fragment`
    INSERT INTO user_session (id, hash, person, methods, device, authenticated_at, frame, expires_at)
    SELECT ${uuidv7()}, ${hashOf(cookie)}, ${person}, ${sql.array([...methods], 'text')}, ${device},
      ${toColumn(authenticatedAt)}, ${frame ?? null}, now() + make_interval(secs => ${lifetimeSeconds})
    WHERE NOT ${isBarred(sql.fragment`${person}`)}`)
  await recordSignIn(connection, { person, outcome: started === 0 ? 403 : 200 })
  return cookie
}

/** Undefined if the cookie belongs to no session in force. Finding a session counts as using it. */
export const findSession = (connection: Connection, cookie: string): Promise<Session | undefined> =>
  used(connection, lookAtSession(connection, cookie))

/** The same, and it does not count as using it. */
export const lookAtSession = (connection: Connection, cookie: string): Promise<Session | undefined> =>
  find(connection, cookie, sql.fragment`session.frame IS NULL`)

/** A session in a frame, as long as its EHR may show one. */
export const findFramedSession = (connection: Connection, cookie: string): Promise<Session | undefined> =>
  used(connection, find(connection, cookie, sql.fragment`ehr.enabled AND cardinality(ehr.frame_origins) > 0`))

const find = async (connection: Connection, cookie: string, where: SqlFragment): Promise<Session | undefined> => {
  if (!isSecret(cookie)) return undefined
  const row = await connection.maybeOne<SessionRow>(sql.fragment`
    SELECT ${columns} FROM ${sessions} WHERE session.hash = ${hashOf(cookie)} AND ${sessionInForce} AND ${where}`)
  return row && toSession(row)
}

const used = async (connection: Connection, found: Promise<Session | undefined>): Promise<Session | undefined> => {
  const session = await found
  if (session !== undefined)
    await connection.run(sql.fragment`
      UPDATE user_session SET seen_at = now() WHERE id = ${session.id} AND seen_at < now() - interval '1 minute'`)
  return session
}

/** The caller that the session is when our pages call the FHIR API: with these scopes, and no others. */
export const findSessionCaller = async (connection: Connection, cookie: string): Promise<Caller | undefined> => {
  const session = await findSession(connection, cookie)
  return session && (await callerOfSession(connection, session))
}

export const callerOfSession = (connection: Connection, { id }: Session): Promise<Caller | undefined> =>
  findCallerOf(connection, asTokens, id)

/** Only for reading: pages write with their own forms. */
const firstPartyScopes = 'openid fhirUser user/*.rs'

const asTokens = sql.fragment`(
  SELECT id, hash, 'user' AS kind, person AS person_id, NULL::text AS patient_id, NULL::text AS grant_id, 'pages' AS client_id,
    ${firstPartyScopes}::text AS scope, '{}'::jsonb AS context
  FROM user_session)`

/** Those in force, newest first. */
export const sessionsOf = async (connection: Connection, person: string): Promise<readonly Session[]> => {
  const rows = await connection.any<SessionRow>(sql.fragment`
    SELECT ${columns} FROM ${sessions}
    WHERE session.person = ${person} AND ${sessionInForce} ORDER BY session.started_at DESC, session.id`)
  return rows.map(toSession)
}

/** Only a session of the person; false if there is none with the id. */
export const endSession = async (connection: Connection, person: string, id: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM user_session WHERE person = ${person} AND id = ${id}`)) > 0

export const isInForce = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT WHERE ${isSessionInForce(sql.fragment`${id}`)}`)) !== undefined

/** The same. Whoever ends the session waits until the transaction ends, and then sees what was done in it. */
export const holdSession = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM user_session AS session WHERE session.id = ${id} AND ${sessionInForce} FOR KEY SHARE OF session`)) !==
  undefined

/** Ends all sessions of the person, except the one to keep, and sign-ins that are not complete. */
export const endSessions = async (connection: Connection, person: string, kept?: string): Promise<void> => {
  // This comes first: it waits for a sign-in that is just being turned into a session, which is then ended as well.
  await endSteps(connection, person)
  await connection.run(sql.fragment`
    DELETE FROM user_session WHERE person = ${person} AND id IS DISTINCT FROM ${kept ?? null}::text`)
}

const lifetimeSeconds = 12 * 60 * 60

const columns = sql.fragment`session.id, session.person, session.methods, session.device, session.started_at,
  session.authenticated_at, session.seen_at,
  extract(epoch FROM least(session.expires_at, ${idleEnd}) - now())::integer AS ends_in, session.expires_at <= ${idleEnd} AS ends_finally,
  session.frame, ehr.issuer, coalesce(ehr.frame_origins, '{}') AS frame_origins`

const sessions = sql.fragment`user_session AS session LEFT JOIN smart_client_config AS ehr ON ehr.id = session.frame`

type SessionRow = {
  readonly id: string
  readonly person: string
  readonly methods: Method[]
  readonly device: string
  readonly started_at: Date
  readonly authenticated_at: Date | null
  readonly seen_at: Date
  readonly ends_in: number
  readonly ends_finally: boolean
  readonly frame: string | null
  readonly issuer: string | null
  readonly frame_origins: readonly string[]
}

const toSession = ({
  started_at,
  authenticated_at,
  seen_at,
  ends_in,
  ends_finally,
  frame,
  issuer,
  frame_origins,
  ...row
}: SessionRow): Session => ({
  ...row,
  signedInAt: started_at,
  authenticatedAt: fromColumn(authenticated_at),
  seenAt: seen_at,
  ending: { inSeconds: ends_in, isFinal: ends_finally },
  ...(frame === null || issuer === null ? {} : { frame: { config: frame, issuer, origins: frame_origins } }),
})
