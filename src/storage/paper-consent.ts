import { inactivationReason } from '../access/vocabulary.ts'
import { standardExtensions } from '../fhir/canonical.ts'
import type { Connection } from './database.ts'
import { type SqlFragment, sql } from './sql.ts'

/** A version of a Consent that somebody has recorded from paper. */
export type PaperRecord = { readonly practitioner: string; readonly recordedAt: Date }

export const addPaperRecord = (
  connection: Connection,
  {
    consent,
    version,
    practitioner,
  }: { readonly consent: string; readonly version: string; readonly practitioner: string },
): Promise<number> =>
  connection.run(sql.fragment`
    INSERT INTO paper_consent (consent_id, version, practitioner) VALUES (${consent}, ${version}, ${practitioner})`)

/** Undefined where this version was not recorded from paper. */
export const findPaperRecord = (
  connection: Connection,
  consent: string,
  version: string,
): Promise<PaperRecord | undefined> =>
  connection.maybeOne<PaperRecord>(sql.fragment`
    SELECT practitioner, recorded_at AS "recordedAt" FROM paper_consent
    WHERE consent_id = ${consent} AND version = ${version}`)

/** Whether a version of a Consent ends what was recorded from paper, and discarded by staff before it counted: no answer of the patient's. */
export const isDiscardedPaper = (version: SqlFragment): SqlFragment => sql.fragment`(
  ${version}.content ->> 'status' = 'inactive'
  AND ${version}.content @> ${JSON.stringify({ extension: [{ url: inactivationReason }] })}::jsonb
  AND EXISTS (
    SELECT FROM paper_consent AS recorded
    WHERE recorded.consent_id = ${version}.content ->> 'id' AND recorded.version = (${version}.version - 1)::text))`

/** When the patient last refused, ended or deleted a Consent to the study, or staff ended it for them; undefined where nobody has. */
export const findLastRefusal = async (
  connection: Connection,
  { patient, study }: { readonly patient: string; readonly study: string },
): Promise<Date | undefined> => {
  const context = {
    extension: [{ url: standardExtensions.consentResearchStudyContext, valueReference: { reference: study } }],
  }
  const { at } = await connection.one<{ at: Date | null }>(sql.fragment`
    WITH version AS (
      SELECT pk, version, last_updated, 'PUT' AS method, content FROM consent
      WHERE patient_id = (SELECT patient_id FROM patient_compartment WHERE id = ${patient})
      UNION ALL
      SELECT pk, version, last_updated, method, content FROM consent_history
      WHERE patient_id = (SELECT patient_id FROM patient_compartment WHERE id = ${patient})
    )
    SELECT max(last_updated) AS at FROM version
    WHERE pk IN (SELECT pk FROM version WHERE content @> ${JSON.stringify(context)}::jsonb)
      AND (method = 'DELETE' OR content ->> 'status' IN ('rejected', 'entered-in-error')
        OR (content ->> 'status' = 'inactive' AND NOT ${isDiscardedPaper(sql.fragment`version`)}))`)
  return at ?? undefined
}
