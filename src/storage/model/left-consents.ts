import type { CodeableConcept, Consent } from '@medplum/fhirtypes'
import { consentEnd, inactivationReason } from '../../access/vocabulary.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { hasLeft } from './has-left.ts'

/** Ids of the Consents that stand, or of which something is kept, to studies that the patient has left: none of them counts now. */
export const findLeft = async (connection: Connection, patientIds: readonly number[]): Promise<readonly string[]> => {
  const found = await connection.any<{ readonly id: string }>(sql.fragment`
    SELECT given.consent_id AS id
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ANY(${sql.array([...patientIds], 'int4')}) AND ${isLeft(sql.fragment`given`)}
      AND (given.standing OR given.withdrawal = 'keep' AND consent.content ->> 'status' = 'inactive')
    ORDER BY given.consent_id`)
  return found.map(({ id }) => id)
}

/** A row of `consent_grantee` is to a study that its patient has left. */
export const isLeft = (given: SqlFragment): SqlFragment => sql.fragment`EXISTS (
  SELECT FROM study
  WHERE study.grantee = ${given}.grantee AND ${hasLeft(sql.fragment`${given}.patient_id`, sql.fragment`study.id`)})`

/** Ended, with the reason; what somebody had said before of why it ended stays to be read. */
export const endedByJoining = (consent: Consent): Consent => {
  const { extension = [] } = consent
  const before = extension.find(({ url }) => url === inactivationReason)?.valueCodeableConcept
  const why: CodeableConcept = { ...before, coding: [leftBeforeJoining], text: before?.text ?? joiningReason }
  return {
    ...consent,
    status: 'inactive',
    extension: [
      ...extension.filter(({ url }) => url !== inactivationReason),
      { url: inactivationReason, valueCodeableConcept: why },
    ],
  }
}

export const isEndedByJoining = ({ extension = [] }: Consent): boolean =>
  extension.some(
    ({ url, valueCodeableConcept }) =>
      url === inactivationReason &&
      valueCodeableConcept?.coding?.some(
        ({ system, code }) => system === consentEnd && code === leftBeforeJoining.code,
      ),
  )

/** A version of a Consent says that joining has ended it. */
export const saysEndedByJoining = (content: SqlFragment): SqlFragment => {
  const { system, code } = leftBeforeJoining
  const said = [{ url: inactivationReason, valueCodeableConcept: { coding: [{ system, code }] } }]
  return sql.fragment`${content} -> 'extension' @> ${JSON.stringify(said)}::jsonb`
}

const leftBeforeJoining = {
  system: consentEnd,
  code: 'left-before-joining',
  display: 'Left before records were joined',
}

/** Where nobody else has said why. */
export const joiningReason =
  'They had left the study before this record was joined with another of theirs. What they gave counts again only by what they sign anew.'
