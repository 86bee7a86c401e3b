import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../../access/caller.ts'
import type { Connection } from '../database.ts'
import { digestOf, isSecret, newSecret } from '../secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { findCallerOf } from '../token.ts'
import { areEnough } from './second-factor.ts'

/** How somebody signed in; `mfa` is what an identity provider says of itself. https://www.rfc-editor.org/rfc/rfc8176 */
type Method = 'pwd' | 'otp' | 'mfa'

/** A person who is signed in with a browser. */
export type Session = {
  readonly id: string
  /** Id of the Person. */
  readonly person: string
  readonly signedInAt: Date
  readonly methods: readonly Method[]
  /** Two words for a list: `Firefox on Android`. */
  readonly device: string
  readonly seenAt: Date
}

/** Answers what the cookie holds: only its hash is kept. */
export const startSession = async (
  connection: Connection,
  { person, methods, device }: Pick<Session, 'person' | 'methods' | 'device'>,
): Promise<string> => {
  const cookie = newSecret()
  await connection.run(sql.fragment`DELETE FROM user_session WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO user_session (id, hash, person, methods, device, expires_at)
    VALUES (${uuidv7()}, ${sql.binary(digestOf(cookie))}, ${person}, ${sql.array([...methods], 'text')}, ${device},
      now() + make_interval(secs => ${lifetimeSeconds}))`)
  return cookie
}

/** Undefined for a cookie of no session in force, and for none. Finding it is using it. */
export const findSession = async (connection: Connection, cookie: string): Promise<Session | undefined> => {
  if (!isSecret(cookie)) return undefined
  const row = await connection.maybeOne<SessionRow>(sql.fragment`
    SELECT ${columns} FROM user_session AS session WHERE hash = ${sql.binary(digestOf(cookie))} AND ${inForce}`)
  if (row === undefined) return undefined
  await connection.run(sql.fragment`
    UPDATE user_session SET seen_at = now() WHERE id = ${row.id} AND seen_at < now() - interval '1 minute'`)
  return toSession(row)
}

/** Who the session is when a page of ours calls the FHIR API: with these scopes, and no others. */
export const findSessionCaller = async (connection: Connection, cookie: string): Promise<Caller | undefined> => {
  const session = await findSession(connection, cookie)
  return session && (await findCallerOf(connection, asTokens, session.id))
}

/** Reading alone: what pages write, they write by their own forms. */
const firstPartyScopes = 'openid fhirUser user/*.rs'

const asTokens = sql.fragment`(
  SELECT id, hash, 'user' AS kind, person AS person_id, NULL::text AS patient_id, 'pages' AS client_id,
    ${firstPartyScopes}::text AS scope, '{}'::jsonb AS context
  FROM user_session)`

/** Those in force, the latest first. */
export const sessionsOf = async (connection: Connection, person: string): Promise<readonly Session[]> => {
  const rows = await connection.any<SessionRow>(sql.fragment`
    SELECT ${columns} FROM user_session AS session WHERE person = ${person} AND ${inForce} ORDER BY started_at DESC, id`)
  return rows.map(toSession)
}

/** The person's own only; false where there is no such session. */
export const endSession = async (connection: Connection, person: string, id: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM user_session WHERE person = ${person} AND id = ${id}`)) > 0

/** Whether the session of the id is one that signs somebody in, within a statement. */
export const isSessionInForce = (id: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (SELECT FROM user_session AS session WHERE session.id = ${id} AND ${inForce})`

/** All of the person's, but for the one that is to stay. */
export const endSessions = async (connection: Connection, person: string, kept?: string): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM user_session WHERE person = ${person} AND id IS DISTINCT FROM ${kept ?? null}::text`)
}

const lifetimeSeconds = 12 * 60 * 60

/** Who has a second factor, or must have one, and came without it, is as good as signed out. */
const inForce: SqlFragment = sql.fragment`session.expires_at > now() AND session.seen_at > now() - interval '2 hours'
  AND ${areEnough(sql.fragment`session.methods`, sql.fragment`session.person`)}`

const columns = sql.fragment`session.id, session.person, session.methods, session.device, session.started_at, session.seen_at`

type SessionRow = {
  readonly id: string
  readonly person: string
  readonly methods: Method[]
  readonly device: string
  readonly started_at: Date
  readonly seen_at: Date
}

const toSession = ({ id, person, methods, device, started_at, seen_at }: SessionRow): Session => ({
  id,
  person,
  signedInAt: started_at,
  methods,
  device,
  seenAt: seen_at,
})
