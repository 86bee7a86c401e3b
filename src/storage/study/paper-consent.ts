import { inactivationReason } from '../../access/vocabulary.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** A version of a Consent that somebody has recorded from paper. */
export type PaperRecord = {
  readonly practitioner: string
  readonly recordedAt: Date
  /** Of whoever has confirmed it; null if nobody has, or it was not kept then. */
  readonly confirmedBy: string | null
}

type ByStaff = { readonly consent: string; readonly version: string; readonly practitioner: string }

export const addPaperRecord = (connection: Connection, { consent, version, practitioner }: ByStaff): Promise<number> =>
  connection.run(sql.fragment`
    INSERT INTO paper_consent (consent_id, version, practitioner) VALUES (${consent}, ${version}, ${practitioner})`)

/** `version`: the one that was recorded, and not the one that holds since. */
export const setPaperConfirmed = (
  connection: Connection,
  { consent, version, practitioner }: ByStaff,
): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE paper_consent SET confirmed_by = ${practitioner} WHERE consent_id = ${consent} AND version = ${version}`)

/** Undefined if this version was not recorded from paper. */
export const findPaperRecord = (
  connection: Connection,
  consent: string,
  version: string,
): Promise<PaperRecord | undefined> =>
  connection.maybeOne<PaperRecord>(sql.fragment`
    SELECT practitioner, recorded_at AS "recordedAt", confirmed_by AS "confirmedBy" FROM paper_consent
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
