import type { Connection } from '../database.ts'
import { hashOf, isSecret, newSecret } from '../secret/secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { type AuthenticatedAt, fromColumn, type Method, toColumn } from './authentication.ts'
import { isSessionInForce } from './session-in-force.ts'

/** Somebody who has shown a first factor, and now has to show the second, or to set it up. */
export type SignInStep = {
  /** Id of the Person. */
  readonly person: string
  readonly methods: readonly Method[]
  readonly authenticatedAt: AuthenticatedAt
  /** The sealed secret of the app that is being set up. */
  readonly authenticator?: string
  /** Id of the session in which the step was begun, and with which it ends; absent while signing in. */
  readonly session?: string
}

export type NewStep = Omit<SignInStep, 'authenticatedAt'> & {
  /** Now, if not given. */
  readonly authenticatedAt?: AuthenticatedAt | undefined
}

/** Answers a secret for the step, valid for ten minutes and one sign-in. */
export const startStep = async (connection: Connection, step: NewStep): Promise<string> => {
  const { person, methods, authenticatedAt, authenticator, session } = step
  const secret = newSecret()
  await connection.run(sql.fragment`DELETE FROM sign_in_step WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO sign_in_step (hash, person, methods, authenticated_at, authenticator, session, expires_at)
    VALUES (${hashOf(secret)}, ${person}, ${sql.array([...methods], 'text')}, ${toColumn(authenticatedAt)},
      ${authenticator ?? null}, ${session ?? null}, now() + interval '10 minutes')`)
  return secret
}

export const findStep = async (connection: Connection, secret: string): Promise<SignInStep | undefined> => {
  if (!isSecret(secret)) return undefined
  const row = await connection.maybeOne<StepRow>(sql.fragment`
    SELECT person, methods, authenticated_at, authenticator, session FROM sign_in_step WHERE ${isOf(secret)}`)
  if (row === undefined) return undefined
  const { authenticated_at, authenticator, session, ...step } = row
  return {
    ...step,
    authenticatedAt: fromColumn(authenticated_at),
    ...(authenticator === null ? {} : { authenticator }),
    ...(session === null ? {} : { session }),
  }
}

/** Uses the step up. If two present it at the same time, one gets false. */
export const takeStep = async (connection: Connection, secret: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM sign_in_step WHERE ${isOf(secret)}`)) > 0

const isOf = (secret: string): SqlFragment => sql.fragment`hash = ${hashOf(secret)} AND expires_at > now()
  AND (session IS NULL OR ${isSessionInForce(sql.fragment`sign_in_step.session`)})`

/** Ends all steps of the person, since the first factor no longer counts. */
export const endSteps = async (connection: Connection, person: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM sign_in_step WHERE person = ${person}`)
}

type StepRow = {
  readonly person: string
  readonly methods: Method[]
  readonly authenticated_at: Date | null
  readonly authenticator: string | null
  readonly session: string | null
}
