import type { Unproven } from '../../access/unproven.ts'
import type { Connection } from '../database.ts'
import { hashOf, newSecret } from '../secret/secret.ts'
import { sql } from '../sql.ts'

/** What the app is told besides the patient, and the ResearchStudy to which its token is narrowed. */
export type GrantContext = {
  readonly study?: string
  /** For an app that has taken up an invitation by itself. */
  readonly unproven?: Unproven
  readonly needPatientBanner?: boolean
  readonly intent?: string
}

/** An app that somebody opens from one of our pages. */
export type Launch = { readonly person: string; readonly client: string; readonly context: LaunchContext }

export type LaunchContext = GrantContext & { readonly patient?: string }

/** Answers the launch token, which can be used once within five minutes. Only its hash is stored. */
export const mintLaunch = async (connection: Connection, { person, client, context }: Launch): Promise<string> => {
  const token = newSecret()
  await connection.run(sql.fragment`DELETE FROM launch WHERE expires_at < now() - interval '1 day'`)
  await connection.run(sql.fragment`
    INSERT INTO launch (hash, person_id, client_id, context, expires_at)
    VALUES (${hashOf(token)}, ${person}, ${client}, ${JSON.stringify(context)}::jsonb,
      now() + interval '5 minutes')`)
  return token
}

/** By the hash of its token, in base64url, if it is unused. `isFresh`: whether the token may still be shown. */
export const findLaunch = (
  connection: Connection,
  hash: string,
): Promise<(Launch & { readonly isFresh: boolean }) | undefined> =>
  connection.maybeOne(sql.fragment`
    SELECT person_id AS person, client_id AS client, context, expires_at > now() AS "isFresh"
    FROM launch WHERE hash = ${sql.binary(Buffer.from(hash, 'base64url'))} AND used_at IS NULL`)

/** If several use it at the same time, one gets true; another person or app gets false. */
export const useLaunch = async (
  connection: Connection,
  { person, client, hash }: Omit<Launch, 'context'> & { readonly hash: string },
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE launch SET used_at = now()
    WHERE hash = ${sql.binary(Buffer.from(hash, 'base64url'))} AND person_id = ${person} AND client_id = ${client}
      AND used_at IS NULL`)) > 0
