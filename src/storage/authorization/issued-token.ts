import type { Connection } from '../database.ts'
import { hashOf } from '../secret/secret.ts'
import { sql } from '../sql.ts'
import { isGrantInForce } from './grant-in-force.ts'
import { isTokenInForce } from './token.ts'

/** An access token of the authorization server, by a person's grant or of a client itself. It is in the same table as all tokens. */
export type IssuedToken = {
  readonly client: string
  readonly scope: string
  readonly expiresAt: Date
  readonly grant?: string
  /** Id of the Person, if it is by a grant of theirs. */
  readonly person?: string
  /** Id of the Patient, if it is by a grant without a Person. */
  readonly patient?: string
  /** What else an introspection answers. */
  readonly issued: Readonly<Record<string, unknown>>
}

type NewToken = Pick<IssuedToken, 'client' | 'scope' | 'issued' | 'grant'> & {
  readonly token: string
  readonly ttlSeconds: number
  /** For a client's own token: the scopes that it could have when it was found that this one is within them. */
  readonly approved?: string
}

/**
 * The grant says whose it is and for which patient. False if the grant is no longer in force, or the client is disabled or may have other scopes by
 * now: whoever takes one away ends the tokens that are there. Nobody holds a client together with others (FOR SHARE) and then notes its use: each
 * would wait for the others.
 */
export const keepIssuedToken = async (connection: Connection, given: NewToken): Promise<boolean> => {
  const { token, client, scope, issued, grant, ttlSeconds, approved = '' } = given
  const hash = hashOf(token)
  const said = JSON.stringify(issued)
  const expiry = sql.fragment`now() + make_interval(secs => ${ttlSeconds})`
  const rows = await connection.run(
    grant === undefined
      ? sql.fragment`
          INSERT INTO token (hash, kind, client_id, scope, expires_at, issued)
          SELECT ${hash}, 'client', client.id, ${scope}, ${expiry}, ${said}::jsonb
          FROM client WHERE client.id = ${client} AND client.disabled_at IS NULL AND client.scope = ${approved}
          FOR NO KEY UPDATE OF client`
      : sql.fragment`
          INSERT INTO token (hash, kind, person_id, patient_id, client_id, scope, context, grant_id, expires_at, issued)
          SELECT ${hash}, CASE WHEN given.person_id IS NULL THEN 'patient' ELSE 'user' END, given.person_id, given.patient_id, given.client_id, ${scope},
            jsonb_strip_nulls(jsonb_build_object(
              'study', given.context -> 'study', 'unproven', given.context -> 'unproven')), given.id, ${expiry}, ${said}::jsonb
          FROM authorization_grant AS given
          WHERE given.id = ${grant} AND given.client_id = ${client} AND ${isGrantInForce(sql.fragment`given`)}
          FOR SHARE OF given`,
  )
  if (rows > 0) await noteUse(connection, client)
  return rows > 0
}

/** To the minute, so that a client that asks all the time does not cause a write each time. */
const noteUse = (connection: Connection, client: string): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE client SET token_at = now()
    WHERE id = ${client} AND (token_at IS NULL OR token_at < now() - interval '1 minute')`)

/**
 * Finds tokens of the command line too, if they are in force; `kind` as in the table. `atRest`: also one whose grant is not in force, for lack of a
 * role.
 */
export const findIssuedToken = async (
  connection: Connection,
  kind: 'user' | 'client',
  token: string,
  { atRest }: { readonly atRest: boolean },
): Promise<IssuedToken | undefined> => {
  const row = await connection.maybeOne<{
    readonly client_id: string
    readonly scope: string
    readonly expires_at: Date
    readonly grant_id: string | null
    readonly person_id: string | null
    readonly patient_id: string | null
    readonly issued: IssuedToken['issued'] | null
  }>(sql.fragment`
    SELECT client_id, scope, expires_at, grant_id, person_id, patient_id, issued FROM token
    WHERE hash = ${hashOf(token)} AND (kind = 'client') = ${kind === 'client'} AND kind <> 'administrator'
      AND ${atRest ? sql.fragment`revoked_at IS NULL AND expires_at > now()` : isTokenInForce}`)
  return (
    row && {
      client: row.client_id,
      scope: row.scope,
      expiresAt: row.expires_at,
      issued: row.issued ?? {},
      ...(row.grant_id === null ? {} : { grant: row.grant_id }),
      ...(row.person_id === null ? {} : { person: row.person_id }),
      ...(row.person_id === null && row.patient_id !== null ? { patient: row.patient_id } : {}),
    }
  )
}

export const revokeTokensOfPerson = (connection: Connection, person: string): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE token SET revoked_at = now() WHERE person_id = ${person} AND revoked_at IS NULL`)

export const revokeTokensOfClient = (connection: Connection, client: string): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE token SET revoked_at = now() WHERE client_id = ${client} AND revoked_at IS NULL`)
