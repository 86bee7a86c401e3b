import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../search/expression.ts'
import type { RowNames } from '../row.ts'
import { anyOf, type SqlFragment, sql } from '../sql.ts'
import { granteesOf } from './consented.ts'
import { isEnrolled } from './enrolled.ts'
import { referencedId } from './reference.ts'

type Staffed = Extract<Expression, { kind: 'staffed' }>

/** The row stands to a study that the grantee's people handle. `handled` is that study, in all of these. */
export const compileStaffed = (staffed: Staffed, row: RowNames): SqlFragment => compiled[staffed.by](staffed, row)

type Compile = (staffed: Staffed, row: RowNames) => SqlFragment

const rankNeeded = { asks: 2, leads: 3 } as const

const compiled: Readonly<Record<Staffed['by'], Compile>> = {
  study: (staffed, row) => handles(staffed, isStudy(row)),
  lead: (staffed, row) => handles(staffed, sql.fragment`${isStudy(row)} AND handled.rank >= ${rankNeeded.leads}`),
  enrolment: (staffed, row) => handles(staffed, sql.fragment`handled.study_id = ${studyOf(row)}`),
  request: (staffed, row) =>
    handles(staffed, sql.fragment`handled.study_id = ${studyOf(row)} AND handled.rank >= ${rankNeeded.asks}`),
  consent: (staffed, row) =>
    anyOf([handles(staffed, sql.fragment`handled.study_id = ${studyOf(row)}`), isGivenConsent(staffed, row)]),
  patient: (staffed, { row }) =>
    handles(
      staffed,
      // The patient has accepted once a Consent to the study is active: no one else can say so. Another record of the same
      // human, which another organization keeps, has not accepted by that.
      sql.fragment`EXISTS (
        SELECT FROM study
        JOIN enrolment ON enrolment.study_id = study.id
        JOIN study_group_observation_consents AS given
          ON given.patient_id = enrolment.patient_id AND given.grantee = study.grantee
        JOIN consent_grantee AS shape ON shape.patient_id = given.patient_id AND shape.consent_id = given.consent_id
        JOIN consent ON consent.patient_id = shape.patient_id AND consent.pk = shape.pk
          AND referenced_id(consent.content -> 'patient', 'Patient') = enrolment.patient
        WHERE study.id = handled.study_id AND study.identity = 'identified'
          AND study.in_force AND now() >= study.period_start AND now() < study.period_end
          AND enrolment.patient = ${row}.id AND enrolment.patient_id = ${row}.patient_id AND ${isEnrolled}
          AND given.consented AND given.stored_before = 'infinity' AND now() >= given.valid_from AND now() < given.valid_to)`,
    ),
  name: (staffed, row) => handles(staffed, namedByStudy(row)),
}

/** The same organization's or practitioner's own consents, without a study. A narrowed token has none of them. */
const isGivenConsent = ({ to, study }: Staffed, { row }: RowNames): SqlFragment =>
  to.kind !== 'practitioner' || study !== undefined
    ? sql.fragment`FALSE`
    : sql.fragment`EXISTS (
        SELECT FROM consent_grantee JOIN grantee ON grantee.grantee = consent_grantee.grantee
        WHERE grantee.kind <> 'study' AND grantee.grantee = ANY ((SELECT ${granteesOf(to, undefined)})::integer[])
          AND consent_grantee.patient_id = ${row}.patient_id AND consent_grantee.consent_id = ${row}.id)`

const handles = ({ to, study }: Staffed, holds: SqlFragment): SqlFragment => {
  const narrowed = study === undefined ? sql.fragment`TRUE` : sql.fragment`handled.study_id = ${study}`
  return to.kind === 'practitioner'
    ? sql.fragment`EXISTS (
        SELECT FROM practitioner_study AS handled WHERE handled.practitioner = ${to.id} AND ${narrowed} AND ${holds})`
    : sql.fragment`EXISTS (
        SELECT FROM organization_study AS handled WHERE handled.organization = ${to.id} AND ${narrowed} AND ${holds})`
}

const isStudy = ({ type, row }: RowNames): SqlFragment =>
  type === 'Group'
    ? sql.fragment`handled.study_id = (
        SELECT study.id FROM study
        WHERE study.group_id = ${row}.id AND study.organization = ${referencedId(row, 'managingEntity', 'Organization')})`
    : sql.fragment`handled.study_id = ${row}.id`

const studyOf = ({ type, row }: RowNames): SqlFragment =>
  type === 'Consent' ? sql.fragment`consent_study(${row}.content)` : referencedId(row, 'study', 'ResearchStudy')

const namedByStudy = ({ type, row }: RowNames): SqlFragment => {
  const named = nameByType[type]
  return named === undefined ? sql.fragment`FALSE` : named(row)
}

const nameByType: Readonly<Partial<Record<ResourceType, (row: SqlFragment) => SqlFragment>>> = {
  Organization: row =>
    sql.fragment`EXISTS (SELECT FROM study WHERE study.id = handled.study_id AND study.organization = ${row}.id)`,
  Practitioner: row => sql.fragment`EXISTS (
    SELECT FROM study_staff WHERE study_staff.study_id = handled.study_id AND study_staff.practitioner = ${row}.id)`,
}
