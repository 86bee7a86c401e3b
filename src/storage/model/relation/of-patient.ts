import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../../search/expression.ts'
import type { RelatedRow } from '../../row.ts'
import { anyOf, type SqlFragment, sql } from '../../sql.ts'
import { isEnrolled } from '../enrolled.ts'
import { compartmentOf } from '../reference.ts'
import { isBy } from './is-by.ts'

export const compileInvited = (
  { patient, now }: Extract<Expression, { kind: 'invited' }>,
  { type, row }: RelatedRow,
): SqlFragment => (now === true ? inPlaceBy : invitedBy)[type]?.(row, compartmentOf(patient)) ?? sql.fragment`FALSE`

type ByType = Readonly<Partial<Record<ResourceType, (row: SqlFragment, patientId: SqlFragment) => SqlFragment>>>

const inPlaceBy: ByType = {
  ResearchStudy: (row, patientId) => sql.fragment`${row}.id IN (
    SELECT study_id FROM enrolment WHERE enrolment.patient_id = ${patientId} AND ${isEnrolled})`,
}

const invitedBy: ByType = {
  ResearchStudy: (row, patientId) => sql.fragment`${row}.id IN (${studiesOf(patientId)})`,
  Consent: (row, patientId) => sql.fragment`(
    consent_study(${row}.content) IS NULL OR consent_study(${row}.content) IN (${studiesOf(patientId)}))`,
}

/** What was once given to a study can be read with the study, and be taken back, even after the invitation is gone. */
const studiesOf = (patientId: SqlFragment): SqlFragment => sql.fragment`
  SELECT study_id FROM enrolment WHERE enrolment.patient_id = ${patientId}
  UNION ALL
  SELECT grantee.id FROM consent_grantee JOIN grantee ON grantee.grantee = consent_grantee.grantee
  WHERE grantee.kind = 'study' AND consent_grantee.patient_id = ${patientId}`

/** Named by the patient's own record, by a study of theirs, or by a consent of theirs. */
export const compileKnownTo = (
  { patient }: Extract<Expression, { kind: 'known-to' }>,
  { type, row }: RelatedRow,
): SqlFragment =>
  anyOf((namesByType[type] ?? []).map(names => sql.fragment`${row}.id IN (${names(compartmentOf(patient))})`))

type Names = (patientId: SqlFragment) => SqlFragment

/** Only what belongs to the tenant that registered them: otherwise whoever registers a patient could name any id, and learn through the patient what it is. */
const inRecord =
  (type: ResourceType, homes: (id: SqlFragment) => SqlFragment): Names =>
  patientId =>
    sql.fragment`
    SELECT named.id
    FROM patient, LATERAL (
      SELECT referenced_id(patient.content -> 'managingOrganization', ${type})
      UNION ALL
      SELECT referenced_id(one, ${type}) FROM jsonb_array_elements(patient.content -> 'generalPractitioner') AS one) AS named(id)
    WHERE patient.patient_id = ${patientId} AND EXISTS (
      SELECT FROM organization_node AS registering JOIN organization_node AS home ON home.tenant = registering.tenant
      WHERE registering.id = patient.owner AND home.id IN (${homes(sql.fragment`named.id`)}))`

const inConsents =
  (kind: 'organization' | 'practitioner'): Names =>
  patientId =>
    sql.fragment`
    SELECT grantee.id FROM grantee JOIN consent_grantee ON consent_grantee.grantee = grantee.grantee
    WHERE grantee.kind = ${kind} AND consent_grantee.patient_id = ${patientId}`

const namesByType: Readonly<Partial<Record<ResourceType, readonly Names[]>>> = {
  Organization: [
    inRecord('Organization', id => id),
    patientId => sql.fragment`SELECT study.organization FROM study WHERE study.id IN (${studiesOf(patientId)})`,
    inConsents('organization'),
  ],
  Practitioner: [
    inRecord(
      'Practitioner',
      id => sql.fragment`
        SELECT practitioner.owner FROM practitioner WHERE practitioner.id = ${id}
        UNION ALL SELECT membership.organization FROM membership WHERE membership.practitioner = ${id}`,
    ),
    patientId =>
      sql.fragment`SELECT study_staff.practitioner FROM study_staff WHERE study_staff.study_id IN (${studiesOf(patientId)})`,
    inConsents('practitioner'),
  ],
  PractitionerRole: [
    inRecord(
      'PractitionerRole',
      id => sql.fragment`SELECT practitioner_role.owner FROM practitioner_role WHERE practitioner_role.id = ${id}`,
    ),
  ],
}

/** A Consent that is only proposed is no answer. */
export const compileUnanswered = (
  { study, since, but }: Extract<Expression, { kind: 'unanswered' }>,
  { row }: RelatedRow,
): SqlFragment => sql.fragment`NOT EXISTS (
  SELECT FROM consent_grantee AS given
  JOIN study ON study.grantee = given.grantee
  JOIN consent AS answer ON answer.patient_id = given.patient_id AND answer.pk = given.pk
  WHERE given.patient_id = ${row}.patient_id AND study.id = ${study} AND answer.content ->> 'status' <> 'proposed'
    AND answer.last_updated >= ${since}::timestamptz AND NOT ${isBy(sql.fragment`answer.author`, but)})`
