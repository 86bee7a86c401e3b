import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { exclusive } from '../lock-keys.ts'
import { sql } from '../sql.ts'

type Move = { readonly id: string; readonly parent: string }

/**
 * Who consents to a study of an organization consents to the people who work in that organization or below it. As long as such a consent is
 * in force, nobody may become one of them because an organization is moved. To be called before the tree is changed. Throws FhirError that
 * names the studies.
 */
export const refuseGainedReaders = async (connection: Connection, move: Move): Promise<void> => {
  const gained = await lockGainedStudies(connection, move)
  if (gained.length === 0) return
  const studies = await studiesWithNewReaders(connection, move.id, gained)
  if (studies.length === 0) return
  const named = studies.map(({ id }) => `ResearchStudy/${id}`).join(', ')
  throw new FhirError(
    'business-rule',
    `People who work in it, or below it, would read what was consented to ${named} without them: it can move there once no such consent is in force, or nobody works in it or below it`,
    { expression: 'Organization.partOf' },
  )
}

/** The studies of the organizations above its new place that were not above it before, locked, so that nobody signs for one of them meanwhile. */
const lockGainedStudies = async (connection: Connection, { id, parent }: Move): Promise<readonly string[]> => {
  const gained = sql.fragment`
    SELECT study.id FROM study
    JOIN organization_ancestor AS tree ON tree.ancestor = study.organization
    WHERE tree.organization = ${parent} AND NOT EXISTS (
      SELECT FROM organization_ancestor AS before
      WHERE before.organization = ${id} AND before.ancestor = study.organization)`
  const there = await connection.any<{ id: string }>(gained)
  const studies = await connection.take('study', exclusive(there.map(study => study.id)), () =>
    connection.any<{ id: string }>(sql.fragment`${gained} ORDER BY study.id FOR UPDATE OF study`),
  )
  return studies.map(study => study.id)
}

/** Whoever reads already, as staff or by another role that lasts as long, is no new reader. A role that begins later does count, since nobody is asked again when it does. */
const studiesWithNewReaders = (
  connection: Connection,
  id: string,
  gained: readonly string[],
): Promise<readonly { readonly id: string }[]> =>
  connection.any<{ id: string }>(sql.fragment`
    WITH RECURSIVE moved(id) AS (
      SELECT ${id}::text COLLATE "C"
      UNION
      SELECT node.id FROM moved JOIN organization_node AS node ON node.parent = moved.id
    )
    SELECT DISTINCT study.id
    FROM study
    JOIN study_grantee AS reached ON reached.study_id = study.id AND reached.practitioner IS NULL
    CROSS JOIN moved
    JOIN membership ON membership.organization = moved.id AND now() < membership.period_end
    WHERE study.id = ANY(${sql.array([...gained], 'text')})
      AND (study.access = 'organization' OR (reached.grantee <> study.grantee AND EXISTS (
        SELECT FROM study_staff AS staff
        WHERE staff.study_id = study.id AND staff.practitioner = membership.practitioner AND now() < staff.period_end)))
      AND NOT (reached.grantee = study.grantee AND EXISTS (
        SELECT FROM study_staff AS staff
        WHERE staff.study_id = study.id AND staff.practitioner = membership.practitioner
          AND staff.period_start <= now() AND staff.period_end >= membership.period_end))
      AND NOT EXISTS (
        SELECT FROM membership AS other
        JOIN organization_ancestor AS tree ON tree.organization = other.organization AND tree.ancestor = study.organization
        WHERE other.practitioner = membership.practitioner
          AND other.period_start <= now() AND other.period_end >= membership.period_end)
      AND EXISTS (
        SELECT FROM study_group_observation_consents AS permit
        WHERE permit.grantee = reached.grantee AND permit.consented AND now() < permit.valid_to)
    ORDER BY study.id`)
