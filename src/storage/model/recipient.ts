import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { name, sql } from '../sql.ts'
import { inForce } from './reference.ts'

/** A Practitioner named as staff of a study, and until when. */
export type NamedStaff = { readonly practitioner: string; readonly period_end: string }

/**
 * Who signs a text that does not say who receives consents to the study's organization, and to the staff from elsewhere who were named at
 * that time. As long as such a consent is in force, nobody else from elsewhere is added, nor somebody who is to read on once their role in the
 * organization is over. Throws FhirError if somebody would be.
 */
export const refuseNewRecipients = async (
  connection: Connection,
  study: { readonly id: string; readonly organization: string | undefined },
  named: readonly NamedStaff[],
): Promise<void> => {
  const added = await connection.maybeOne<Added>(sql.fragment`
    SELECT named.practitioner, work.until
    FROM jsonb_to_recordset(${JSON.stringify(named)}::jsonb) AS named(practitioner text, period_end timestamptz)
    CROSS JOIN LATERAL (
      SELECT max(membership.period_end) AS until FROM membership
      JOIN organization_ancestor AS tree ON tree.organization = membership.organization
      WHERE membership.practitioner = named.practitioner AND tree.ancestor = ${study.organization ?? null}
        AND ${inForce(name('membership'))}) AS work
    WHERE named.period_end > now()
      AND (work.until IS NULL OR work.until < named.period_end)
      AND NOT EXISTS (
        SELECT FROM study_staff AS before
        WHERE before.study_id = ${study.id} AND before.practitioner = named.practitioner AND before.period_end > now()
          AND (work.until IS NULL OR before.period_end >= named.period_end))
      AND EXISTS (
        SELECT FROM study_group_observation_consents AS permit
        WHERE permit.grantee = (SELECT grantee FROM study WHERE id = ${study.id}) AND permit.consented
          AND now() < permit.valid_to)
    LIMIT 1`)
  if (added === undefined) return
  const { practitioner, until } = added
  const why =
    until === null
      ? 'works outside the organization of the study, and people have consented without them, by a text that does not say who receives:'
      : `works in the organization of the study until ${until.toISOString()}, and would read on as somebody from elsewhere, to whom people have not consented, by a text that does not say who receives: their entry ends by then as well; or,`
  throw new FhirError(
    'business-rule',
    `Practitioner/${practitioner} ${why} once each version of the text that they signed has its recipients (the organization and those who are staff already), others are named, and read what is given by a version that names them`,
    { expression: 'ResearchStudy.extension' },
  )
}

/** `until`: when the last of their roles in the organization ends; null if they have none now. */
type Added = { readonly practitioner: string; readonly until: Date | null }
