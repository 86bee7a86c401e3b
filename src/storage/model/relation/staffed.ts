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
  patient: (staffed, row) => isAccepted(staffed, row),
  name: (staffed, row) => namedByStudy(studiesOf(staffed), row),
}

/**
 * Only somebody who gives something to an identified study can have accepted. That is looked up first, by one index, in a tenth of the time that it
 * takes to ask everything; and if no such study reaches whoever asks, no row is looked at. With a join, or a hash, all that is given to the studies would
 * be read for a single row; and PostgreSQL would not keep to the order of conditions.
 */
const isAccepted = (staffed: Staffed, { row }: RelatedRow): SqlFragment => {
  const grantees = granteesOf(staffed.to, staffed.study)
  const identified = sql.fragment`ARRAY(
    SELECT reached.grantee FROM study_grantee AS reached JOIN study ON study.id = reached.study_id
    WHERE study.id = ANY (${studiesOf(staffed)}) AND study.identity = 'identified' AND reached.grantee = ANY (${grantees}))`
  return sql.fragment`CASE WHEN ${identified} <> '{}' AND EXISTS (
    SELECT FROM study_group_observation_consents AS given
    WHERE given.patient_id = ${row}.patient_id AND given.grantee = ANY (${identified}) AND given.consented
    OFFSET 0) THEN patient_accepted(${row}.patient_id, ${row}.id, ${studiesOf(staffed)}, ${grantees}) END`
}

/** The row is about one of the study's people. A recipient from elsewhere, as few are, sees only people who gave it to them. */
const ofPerson = (staffed: Staffed, row: RelatedRow, rank: number = rankNeeded.reads): SqlFragment => {
  const bound = sql.fragment`(SELECT bound_studies(${word(staffed.to.kind)}, ${staffed.to.id}))::text[]`
  return sql.fragment`(
  ${studyOf(row)} = ANY (${studiesOf(staffed, rank)}) AND (
    ${bound} = '{}' OR ${studyOf(row)} <> ALL (${bound})
    OR gave_to_recipient(${row.row}.patient_id, ${studyOf(row)}, ${staffed.to.id})))`
}

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
