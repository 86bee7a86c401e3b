import type { Connection } from '../database.ts'
import { hashOf } from '../secret/secret.ts'
import { sql } from '../sql.ts'
import { revokeGrants } from './authorization-grant.ts'
import { revokeToken } from './token.ts'

/** A token that has neither expired nor been revoked, whoever gave it to whom. Its grant may not be in force at the moment, for lack of a role. */
export type LastingToken = { readonly client: string; readonly scope: string; readonly grant: string | null }

export const findLastingToken = (connection: Connection, bearer: string): Promise<LastingToken | undefined> =>
  connection.maybeOne<LastingToken>(sql.fragment`
    SELECT client_id AS client, scope, grant_id AS grant FROM token
    WHERE hash = ${hashOf(bearer)} AND revoked_at IS NULL AND expires_at > now()`)

/**
 * In the transaction of the connection: ends the token, and the grant that it came of, with everything else that was given by that. False if it has
 * ended meanwhile.
 */
export const endToken = async (connection: Connection, bearer: string, { grant }: LastingToken): Promise<boolean> => {
  if (grant !== null) return (await revokeGrants(connection, { id: grant })) > 0
  return revokeToken(connection, bearer)
}
