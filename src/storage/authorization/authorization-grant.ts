import { createHash, randomBytes } from 'node:crypto'
import type { Connection } from '../database.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import { isGrantInForce } from './grant-in-force.ts'
import { type GrantContext, useLaunch } from './launch.ts'
import { hasUserScopes } from './outsider.ts'

/** What a person has granted an app, and in which context. */
export type AuthorizationGrant = {
  readonly id: string
  /** Id of the Person; absent if an app has taken up an invitation by itself, and the grant is the Patient's. */
  readonly person?: string
  readonly client: string
  readonly scope: string
  /** Id of the Patient for whom the app was launched, or who was chosen. */
  readonly patient?: string
  readonly context: GrantContext
  /** The sign-in with which it ends, if it does. */
  readonly session?: string
  readonly grantedAt: Date
  readonly expiresAt: Date
}

export type NewGrant = Pick<AuthorizationGrant, 'client' | 'scope' | 'context' | 'session'> & {
  readonly ttlSeconds: number
  /** The question that it answers, if that can be answered only once. */
  readonly question?: string
} & (
    | {
        readonly person: string
        readonly patient?: string
        /** Hash of the launch that led to it, which it uses up. */
        readonly launch?: string
      }
    | { readonly person?: never; readonly patient: string; readonly launch?: never }
  )

/**
 * In the transaction of the connection. Answers its id; undefined if its launch was used already, or is another person's or app's, or if its question
 * was answered.
 */
export const createGrant = async (connection: Connection, grant: NewGrant): Promise<string | undefined> => {
  if (grant.launch !== undefined && !(await useLaunch(connection, { ...grant, hash: grant.launch }))) return undefined
  const { person, client, scope, patient, context, session, ttlSeconds, question } = grant
  const id = question === undefined ? randomBytes(16).toString('base64url') : grantIdOf(question)
  const made = await connection.run(sql.fragment`
    INSERT INTO authorization_grant (id, person_id, client_id, scope, patient_id, context, session, expires_at)
    VALUES (${id}, ${person ?? null}, ${client}, ${scope}, ${patient ?? null}, ${JSON.stringify(context)}::jsonb,
      ${session ?? null}, now() + make_interval(secs => ${ttlSeconds}))
    ON CONFLICT DO NOTHING`)
  return made === 0 ? undefined : id
}

/** If somebody sends an answer twice at the same time, there is only one grant. */
export const grantIdOf = (question: string): string =>
  createHash('sha256').update(question).digest().subarray(0, 16).toString('base64url')

/** Undefined if it is not in force. */
export const findGrant = async (connection: Connection, id: string): Promise<AuthorizationGrant | undefined> => {
  const row = await connection.maybeOne<GrantRow>(sql.fragment`${grantRows} WHERE id = ${id} AND ${isInForce}`)
  return row && toGrant(row)
}

/** Those in force, newest first, with those that apps got by an invitation to one of the person's Patients. */
export const listGrants = async (connection: Connection, person: string): Promise<readonly AuthorizationGrant[]> =>
  (
    await connection.any<GrantRow>(
      sql.fragment`${grantRows} WHERE ${isOf(person)} AND ${isInForce} ORDER BY granted_at DESC, id`,
    )
  ).map(toGrant)

/** Which of a person's or an app's grants. */
export type GrantsAsked =
  | { readonly id: string; readonly person?: string }
  /** All of the person's. */
  | { readonly person: string }
  /** `withUserScopes`: only those that have user/ scopes. */
  | { readonly client: string; readonly withUserScopes?: true }

/**
 * In the transaction of the connection: ends grants, with all their tokens and codes. Answers how many grants. Whoever is just issuing a token waits,
 * and is refused.
 */
export const revokeGrants = async (connection: Connection, asked: GrantsAsked): Promise<number> => {
  const revoked = await connection.any<{ readonly id: string }>(sql.fragment`
    UPDATE authorization_grant SET revoked_at = now() WHERE revoked_at IS NULL AND ${which(asked)} RETURNING id`)
  const ids = columnOf(revoked, ({ id }) => id, 'text')
  await connection.run(
    sql.fragment`UPDATE token SET revoked_at = now() WHERE grant_id = ANY(${ids}) AND revoked_at IS NULL`,
  )
  await connection.run(sql.fragment`DELETE FROM authorization_record WHERE grant_id = ANY(${ids})`)
  return revoked.length
}

const which = (asked: GrantsAsked): SqlFragment => {
  if ('client' in asked)
    return asked.withUserScopes
      ? sql.fragment`client_id = ${asked.client} AND ${hasUserScopes(sql.fragment`scope`)}`
      : sql.fragment`client_id = ${asked.client}`
  if (!('id' in asked)) return isOf(asked.person)
  return asked.person === undefined
    ? sql.fragment`id = ${asked.id}`
    : sql.fragment`id = ${asked.id} AND ${isOf(asked.person)}`
}

const isOf = (person: string): SqlFragment => sql.fragment`(
  person_id = ${person} OR person_id IS NULL AND patient_id IN (
    SELECT own.patient FROM person_patient AS own WHERE own.person = ${person}))`

/**
 * In the transaction of the connection: the Person says that an app which came by an invitation to them is theirs. It then sees everything that they
 * let it see, for a year. False if it is not such a grant, or was confirmed before.
 */
export const proveGrant = async (connection: Connection, id: string, person: string): Promise<boolean> => {
  const proven = await connection.run(sql.fragment`
    UPDATE authorization_grant SET context = context - 'unproven', expires_at = now() + interval '365 days'
    WHERE id = ${id} AND context ? 'unproven' AND ${isOf(person)} AND ${isInForce}`)
  await connection.run(
    sql.fragment`UPDATE token SET context = context - 'unproven' WHERE grant_id = ${id} AND ${proven > 0}`,
  )
  return proven > 0
}

const isInForce = isGrantInForce(sql.fragment`authorization_grant`)

const grantRows = sql.fragment`
  SELECT id, person_id, client_id, scope, patient_id, context, session, granted_at, expires_at FROM authorization_grant`

type GrantRow = {
  readonly id: string
  readonly person_id: string | null
  readonly client_id: string
  readonly scope: string
  readonly patient_id: string | null
  readonly context: GrantContext
  readonly session: string | null
  readonly granted_at: Date
  readonly expires_at: Date
}

const toGrant = (row: GrantRow): AuthorizationGrant => ({
  id: row.id,
  ...(row.person_id === null ? {} : { person: row.person_id }),
  client: row.client_id,
  scope: row.scope,
  ...(row.patient_id === null ? {} : { patient: row.patient_id }),
  context: row.context,
  ...(row.session === null ? {} : { session: row.session }),
  grantedAt: row.granted_at,
  expiresAt: row.expires_at,
})
