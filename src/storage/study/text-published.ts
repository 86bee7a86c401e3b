import type { Attachment } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Since when a study has asked for this text to be signed; undefined if it never has. */
export const textPublishedAt = async (
  connection: Connection,
  { study, text: { data } }: { readonly study: string; readonly text: Attachment },
): Promise<Date | undefined> => {
  const version = { url: extensions.patientText, extension: [{ url: 'text', valueAttachment: { data } }] }
  const { at } = await connection.one<{ at: Date | null }>(sql.fragment`
    WITH study AS (SELECT pk, last_updated, content FROM research_study WHERE id = ${study})
    SELECT min(last_updated) AS at
    FROM (
      SELECT last_updated, content FROM study
      UNION ALL
      SELECT last_updated, content FROM research_study_history WHERE patient_id = 0 AND pk IN (SELECT pk FROM study)) AS held
    WHERE content @> ${JSON.stringify({ extension: [version] })}::jsonb`)
  return at ?? undefined
}
