import type { ResourceType } from '@medplum/fhirtypes'
import type { Expression } from '../../../search/expression.ts'
import type { RelatedRow } from '../../row.ts'
import { anyOf, type SqlFragment, sql, word } from '../../sql.ts'
import { referencedId } from '../reference.ts'
import { granteesOf } from './consented.ts'

type Staffed = Extract<Expression, { kind: 'staffed' }>

/** The row belongs to a study for which the grantee works. */
export const compileStaffed = (staffed: Staffed, row: RelatedRow): SqlFragment => compiled[staffed.by](staffed, row)

type Compile = (staffed: Staffed, row: RelatedRow) => SqlFragment

/** `practitioner_study.rank`: reads; also invites and asks for consent; also leads the study. Each may do what those below it may. */
const rankNeeded = { reads: 1, asks: 2, leads: 3 } as const

const compiled: Readonly<Record<Staffed['by'], Compile>> = {
  study: (staffed, row) => sql.fragment`${studyIs(row)} = ANY (${studiesOf(staffed)})`,
  lead: (staffed, row) => sql.fragment`${studyIs(row)} = ANY (${studiesOf(staffed, rankNeeded.leads)})`,
  enrolment: (staffed, row) => ofPerson(staffed, row),
  request: (staffed, row) => ofPerson(staffed, row, rankNeeded.asks),
  consent: (staffed, row) => anyOf([ofPerson(staffed, row), isGivenConsent(staffed, row)]),
  patient: (staffed, { row }) => sql.fragment`
    patient_accepted(${row}.patient_id, ${row}.id, ${studiesOf(staffed)},
      ${granteesOf(staffed.to, staffed.study)})`,
  name: (staffed, row) => namedByStudy(studiesOf(staffed), row),
}

/** The row is about one of the study's people. A recipient from elsewhere sees only people who gave it to them. */
const ofPerson = (staffed: Staffed, row: RelatedRow, rank: number = rankNeeded.reads): SqlFragment => sql.fragment`(
  ${studyOf(row)} = ANY (${studiesOf(staffed, rank)}) AND (
    ${studyOf(row)} <> ALL ((SELECT bound_studies(${word(staffed.to.kind)}, ${staffed.to.id}))::text[])
    OR gave_to_recipient(${row.row}.patient_id, ${studyOf(row)}, ${staffed.to.id})))`

/** A Consent given to the organization or practitioner itself, and to no study. A token that is narrowed to a study sees none. */
const isGivenConsent = ({ to, study }: Staffed, { row }: RelatedRow): SqlFragment =>
  to.kind !== 'practitioner' || study !== undefined
    ? sql.fragment`FALSE`
    : sql.fragment`EXISTS (
        SELECT FROM consent_grantee JOIN grantee ON grantee.grantee = consent_grantee.grantee
        WHERE grantee.kind IN ('organization', 'practitioner') AND grantee.grantee = ANY (${granteesOf(to, undefined)})
          AND consent_grantee.patient_id = ${row}.patient_id AND consent_grantee.consent_id = ${row}.id)`

/** Asked once a statement, and only when it is needed. */
const studiesOf = ({ to, study }: Staffed, rank: number = rankNeeded.reads): SqlFragment =>
  sql.fragment`(SELECT handled_studies(${word(to.kind)}, ${to.id}, ${study ?? word(undefined)}, ${word(`${rank}`)}))::text[]`

const studyIs = ({ type, row }: RelatedRow): SqlFragment =>
  type === 'Group'
    ? sql.fragment`(
        SELECT study.id FROM study
        WHERE study.group_id = ${row}.id AND study.organization = ${referencedId(row, 'managingEntity', 'Organization')})`
    : sql.fragment`${row}.id`

const studyOf = ({ type, row }: RelatedRow): SqlFragment => {
  switch (type) {
    case 'ResearchStudy':
      return sql.fragment`${row}.id`
    case 'Consent':
      return sql.fragment`consent_study(${row}.content)`
    default:
      return referencedId(row, 'study', 'ResearchStudy')
  }
}

const namedByStudy = (studies: SqlFragment, { type, row }: RelatedRow): SqlFragment => {
  const named = nameByType[type]
  return named === undefined ? sql.fragment`FALSE` : sql.fragment`${row}.id IN (${named(studies)})`
}

const nameByType: Readonly<Partial<Record<ResourceType, (studies: SqlFragment) => SqlFragment>>> = {
  Organization: studies => sql.fragment`SELECT study.organization FROM study WHERE study.id = ANY (${studies})`,
  Practitioner: studies => sql.fragment`
    SELECT study_staff.practitioner FROM study_staff WHERE study_staff.study_id = ANY (${studies})`,
}
