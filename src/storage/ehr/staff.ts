import { rankOf } from '../../access/vocabulary.ts'
import type { Connection } from '../database.ts'
import { inForce } from '../model/reference.ts'
import { name, sql } from '../sql.ts'

/** An organization in which somebody works. `registers`: they may register patients there, unless it is closed. */
export type Workplace = {
  readonly organization: string
  readonly name: string
  readonly registers: boolean
  readonly isClosed: boolean
}

/** Where the Person works, in the organization or below it. */
export const workplacesOf = (
  connection: Connection,
  person: string,
  organization: string,
): Promise<readonly Workplace[]> =>
  connection.any<Workplace>(sql.fragment`
    SELECT membership.organization, coalesce(organization.content ->> 'name', '') AS name,
      bool_or(membership.rank >= ${rankOf.member}) AS registers,
      coalesce(organization.content ->> 'active' = 'false', FALSE) AS "isClosed"
    FROM person_practitioner
    JOIN membership ON membership.practitioner = person_practitioner.practitioner
    JOIN organization_ancestor AS tree ON tree.organization = membership.organization
    JOIN organization ON organization.id = membership.organization
    WHERE person_practitioner.person = ${person} AND tree.ancestor = ${organization}
      AND ${inForce(name('membership'))}
    GROUP BY membership.organization, organization.content ->> 'name', organization.content ->> 'active'
    ORDER BY name, membership.organization`)

/**
 * Whether everything that the Person is here belongs to the organization or those below it. Whoever sets up an EHR there says through it who people
 * are, and could pretend to be this Person. So it is not enough to say so of an administrator, a patient, or somebody who works elsewhere too.
 */
export const isOnlyStaffOf = async (connection: Connection, person: string, organization: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT
    WHERE NOT EXISTS (SELECT FROM user_account WHERE person = ${person} AND administrator)
      AND NOT EXISTS (SELECT FROM person_patient WHERE person = ${person})
      AND NOT EXISTS (
        SELECT FROM person_practitioner AS linked
        JOIN (
          SELECT practitioner, organization, period_end FROM membership
          UNION ALL SELECT practitioner, organization, period_end FROM privacy_officer
          UNION ALL SELECT study_staff.practitioner, study.organization, study_staff.period_end
            FROM study_staff JOIN study ON study.id = study_staff.study_id
        ) AS held ON held.practitioner = linked.practitioner AND held.period_end > now()
        WHERE linked.person = ${person} AND NOT EXISTS (
          SELECT FROM organization_ancestor AS tree
          WHERE tree.organization = held.organization AND tree.ancestor = ${organization}))`)) !== undefined
