import { isTokenInForce } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** A client of a study's organization that works without people, and what lets it. */
export type StudyService = { readonly name: string; readonly rights: readonly ServiceRight[] }

export type ServiceRight = {
  readonly scope: string
  /** Null for a token that was issued before this was noted. */
  readonly since: Date | null
}

/**
 * Those that can read for the study: registered ones that are not disabled, and whatever has a token of the command line for it. Sorted by name. What
 * the scopes let them read, the caller has to tell.
 */
export const servicesOf = async (connection: Connection, study: string): Promise<readonly StudyService[]> => {
  const rows = await connection.any<ServiceRight & { readonly id: string; readonly name: string }>(sql.fragment`
    SELECT client.id, client.name, given.scope,
      CASE WHEN bool_and(given.since IS NOT NULL) THEN min(given.since) END AS since
    FROM study
    JOIN client ON client.organization = study.organization
    CROSS JOIN LATERAL (
      SELECT client.scope, client.gained_at AS since
      WHERE client.registration -> 'grant_types' ? 'client_credentials' AND client.disabled_at IS NULL
      UNION ALL
      SELECT token.scope, token.made_at FROM token
      WHERE token.client_id = client.id AND token.kind = 'client' AND ${isTokenInForce}
        AND coalesce(token.context ->> 'study', study.id) = study.id) AS given
    WHERE study.id = ${study}
    GROUP BY client.id, client.name, given.scope
    ORDER BY client.name, client.id, given.scope`)
  return [...Map.groupBy(rows, ({ id }) => id).values()].map(rights => ({ name: rights[0]?.name ?? '', rights }))
}
