import { rankOf } from '../../access/vocabulary.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** An organization in which somebody works, and whether they may register patients there. */
export type Workplace = { readonly organization: string; readonly name: string; readonly registers: boolean }

/** Where the Person works in the organization, or in one below it. */
export const workplacesOf = (
  connection: Connection,
  person: string,
  organization: string,
): Promise<readonly Workplace[]> =>
  connection.any<Workplace>(sql.fragment`
    SELECT membership.organization, coalesce(organization.content ->> 'name', '') AS name,
      bool_or(membership.rank >= ${rankOf.member}) AS registers
    FROM person_practitioner
    JOIN membership ON membership.practitioner = person_practitioner.practitioner
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization
    JOIN organization ON organization.id = membership.organization
    WHERE person_practitioner.person = ${person} AND tree.ancestor = ${organization}
      AND now() >= membership.period_start AND now() < membership.period_end
    GROUP BY membership.organization, organization.content ->> 'name'
    ORDER BY name, membership.organization`)
