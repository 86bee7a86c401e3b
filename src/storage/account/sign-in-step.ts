import type { Connection } from '../database.ts'
import { digestOf, isSecret, newSecret } from '../secret.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Session } from './session.ts'
import { isSessionInForce } from './session-in-force.ts'

/** Whoever has shown a first factor, and is on the way to showing the second, or to setting it up. */
export type SignInStep = Pick<Session, 'person' | 'methods'> & {
  /** The sealed secret of the app that is being set up. */
  readonly authenticator?: string
  /** Id of the session in which it was begun, and with which it ends; absent on the way in. */
  readonly session?: string
}

/** Answers a secret that stands for it, for ten minutes and for one sign-in. */
export const startStep = async (connection: Connection, step: SignInStep): Promise<string> => {
  const { person, methods, authenticator, session } = step
  const secret = newSecret()
  await connection.run(sql.fragment`DELETE FROM sign_in_step WHERE expires_at <= now()`)
  await connection.run(sql.fragment`
    INSERT INTO sign_in_step (hash, person, methods, authenticator, session, expires_at)
    VALUES (${sql.binary(digestOf(secret))}, ${person}, ${sql.array([...methods], 'text')}, ${authenticator ?? null},
      ${session ?? null}, now() + interval '10 minutes')`)
  return secret
}

export const findStep = async (connection: Connection, secret: string): Promise<SignInStep | undefined> => {
  if (!isSecret(secret)) return undefined
  const row = await connection.maybeOne<StepRow>(sql.fragment`
    SELECT person, methods, authenticator, session FROM sign_in_step WHERE ${isOf(secret)}`)
  if (row === undefined) return undefined
  const { authenticator, session, ...step } = row
  return { ...step, ...(authenticator === null ? {} : { authenticator }), ...(session === null ? {} : { session }) }
}

/** Uses it: of two that present it, one is told false. */
export const takeStep = async (connection: Connection, secret: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM sign_in_step WHERE ${isOf(secret)}`)) > 0

const isOf = (secret: string): SqlFragment => sql.fragment`hash = ${sql.binary(digestOf(secret))} AND expires_at > now()
  AND (session IS NULL OR ${isSessionInForce(sql.fragment`sign_in_step.session`)})`

/** All of the person's: what they stand on holds no more. */
export const endSteps = async (connection: Connection, person: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM sign_in_step WHERE person = ${person}`)
}

type StepRow = {
  readonly person: string
  readonly methods: Session['methods']
  readonly authenticator: string | null
  readonly session: string | null
}
