import { inactivationReason } from '../../access/vocabulary.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

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

/** Undefined if this version was not recorded from paper. */
export const findPaperRecord = (
  connection: Connection,
  consent: string,
  version: string,
): Promise<PaperRecord | undefined> =>
  connection.maybeOne<PaperRecord>(sql.fragment`
    SELECT practitioner, recorded_at AS "recordedAt" FROM paper_consent
    WHERE consent_id = ${consent} AND version = ${version}`)

/**
 * Whether a version of a Consent ends a record from paper that staff discarded before it counted, or says once more that it is discarded: that is
 * not an answer of the patient's. What the patient ends, by an app or signed in, is one, also if it says why.
 */
export const isDiscardedPaper = (version: SqlFragment): SqlFragment => sql.fragment`(
  ${isEndedByStaff(version)}
  AND EXISTS (
    SELECT FROM paper_consent AS recorded
    WHERE recorded.consent_id = ${version}.content ->> 'id' AND recorded.version::integer < ${version}.version
      AND NOT EXISTS (
        SELECT FROM consent_history AS since
        WHERE since.patient_id = ${version}.patient_id AND since.pk = ${version}.pk
          AND since.version > recorded.version::integer AND since.version < ${version}.version
          AND ${isEndedByStaff(sql.fragment`since`)} IS NOT TRUE)))`

const isEndedByStaff = (version: SqlFragment): SqlFragment => sql.fragment`(
  ${version}.content ->> 'status' = 'inactive'
  AND ${version}.content @> ${JSON.stringify({ extension: [{ url: inactivationReason }] })}::jsonb
  AND NOT EXISTS (
    SELECT FROM principal
    WHERE principal.author = ${version}.author AND (principal.kind = 'patient' OR principal.kind = 'person' AND EXISTS (
      SELECT FROM person_patient AS own JOIN patient_compartment AS compartment ON compartment.id = own.patient
      WHERE own.person = principal.id AND compartment.patient_id = ${version}.patient_id))))`
