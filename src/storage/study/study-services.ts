import { isTokenInForce } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** A client of a study's organization that works without people, and the scopes that it may have. */
export type StudyService = { readonly name: string; readonly scope: string }

/**
 * Those that can read for the study: registered ones that are not disabled, and whatever has a token of the command line for it. Sorted by name. What
 * the scopes let them read, the caller has to tell.
 */
export const servicesOf = (connection: Connection, study: string): Promise<readonly StudyService[]> =>
  connection.any<StudyService>(sql.fragment`
    SELECT client.name, string_agg(given.scope, ' ' ORDER BY given.scope) AS scope
    FROM study
    JOIN client ON client.organization = study.organization
    CROSS JOIN LATERAL (
      SELECT client.scope
      WHERE client.registration -> 'grant_types' ? 'client_credentials' AND client.disabled_at IS NULL
      UNION
      SELECT token.scope FROM token
      WHERE token.client_id = client.id AND token.kind = 'client' AND ${isTokenInForce}
        AND coalesce(token.context ->> 'study', study.id) = study.id) AS given
    WHERE study.id = ${study}
    GROUP BY client.id, client.name
    ORDER BY client.name, client.id`)
