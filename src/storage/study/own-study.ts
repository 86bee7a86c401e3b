import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { sql } from '../sql.ts'
import { type DeletedAnswer, deletedConsents, saidByDeleting } from './deleted-answer.ts'
import { isDiscardedPaper } from './paper-consent.ts'

/** A study in which one of the person's Patients has a place now, or to which they have given an answer. */
export type OwnStudy = {
  readonly study: string
  readonly patient: string
  /** Whether they have a place in it now. */
  readonly isEnrolled: boolean
  /** Whether they have none now, but one that begins later. */
  readonly isToCome: boolean
  /** Id of the signed Consent to it that is in force; if there is none, of the last one that was. */
  readonly signed: string | undefined
  /** What they said last by deleting a Consent to it, whatever other Consent there is. */
  readonly deleted: DeletedAnswer | undefined
}

export const studiesOfPerson = async (connection: Connection, person: string): Promise<readonly OwnStudy[]> => {
  const found = await connection.any<Found>(sql.fragment`
    SELECT DISTINCT ON (own.study) own.study, own.patient, own."isEnrolled", own."isToCome", (
      SELECT given.consent_id
      FROM study JOIN consent_grantee AS given ON given.grantee = study.grantee
      JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
      WHERE study.id = own.study
        AND given.patient_id = ${compartment}
        AND (consent.content ->> 'status' = 'active'
          OR consent.content ->> 'status' = 'inactive' AND given.text_version IS NOT NULL)
      ORDER BY given.standing DESC, consent.last_updated DESC LIMIT 1) AS signed, (
      SELECT ${saidByDeleting(sql.fragment`gone`)}
      FROM (${deletedConsents(compartment, sql.fragment`own.study`)}) AS gone
      WHERE NOT ${isDiscardedPaper(sql.fragment`gone`)}
      ORDER BY gone.gone_at DESC LIMIT 1) AS deleted
    FROM (
      SELECT enrolment.study_id AS study, enrolment.patient, TRUE AS "isEnrolled", FALSE AS "isToCome"
      FROM person_patient AS linked JOIN enrolment ON enrolment.patient = linked.patient
      WHERE linked.person = ${person} AND ${isEnrolled}
      UNION ALL
      SELECT study.id, linked.patient, FALSE, EXISTS (
        SELECT FROM enrolment AS later
        WHERE later.study_id = study.id AND later.patient_id = compartment.patient_id AND later.in_force
          AND later.period_start > now() AND later.period_end > now())
      FROM person_patient AS linked
      JOIN patient_compartment AS compartment ON compartment.id = linked.patient
      JOIN consent_grantee AS given ON given.patient_id = compartment.patient_id
      JOIN study ON study.grantee = given.grantee
      JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
      WHERE linked.person = ${person} AND consent.content ->> 'status' <> 'proposed'
        AND referenced_id(consent.content -> 'patient', 'Patient') = linked.patient) AS own
    ORDER BY own.study, own."isEnrolled" DESC, own.patient`)
  return found.map(({ signed, deleted, ...one }) => ({
    ...one,
    signed: signed ?? undefined,
    deleted: deleted ?? undefined,
  }))
}

type Found = Omit<OwnStudy, 'signed' | 'deleted'> & {
  readonly signed: string | null
  readonly deleted: DeletedAnswer | null
}

const compartment = sql.fragment`(SELECT patient_id FROM patient_compartment WHERE patient_compartment.id = own.patient)`
