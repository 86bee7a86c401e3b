import type { ResearchSubject } from '@medplum/fhirtypes'
import { intervalOfPeriod } from '../../fhir/date.ts'
import { FhirError } from '../../fhir/error.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { renewPermits } from './consent/consent.ts'
import { hasLeft } from './consent/has-left.ts'
import { takeTurn } from './consent/turn.ts'
import { ended } from './enrolled.ts'
import { each, type Projected, type Projection } from './projection.ts'

/** Who is in which study. A consent given to a study holds for as long as its patient is in it. */
export const projectEnrolments: Projection<ResearchSubject> = async (connection, changes, context) => {
  if (context.isAccepted === true) await insertEnrolments(connection, changes.flatMap(enrolmentOf))
  else await projectEach(connection, changes, context)
}

const projectEach = each<ResearchSubject>(async (connection, change, context) => {
  const { patientId, id, resource } = change
  await takeTurn(connection, patientId, context)
  const before = await connection.any<{ study_id: string; isOver: boolean }>(sql.fragment`
    DELETE FROM enrolment WHERE patient_id = ${patientId} AND id = ${id} RETURNING study_id, ${isOver} AS "isOver"`)
  const study = resource && namedId(resource.study, 'ResearchStudy')
  const isNew = !before.some(({ study_id }) => study_id === study)
  if (study !== undefined && isNew) await refuseReturn(connection, change, study)
  const wasOver = before.some(one => one.study_id === study && one.isOver)
  const [made] = await insertEnrolments(connection, enrolmentOf(change))
  if (made?.isOver === false && wasOver) throw stayingOver()
  if (made?.isOver === false && isNew) await refuseSecond(connection, change)
  const studies = new Set([...before.map(row => row.study_id), ...(study === undefined ? [] : [study])])
  for (const one of studies) await renewPermits(connection, patientId, { kind: 'study', id: one }, context)
})

/** An enrolment that has ended, by its status or its period, so that no consent counts by it any more. */
const isOver = sql.fragment`NOT (in_force AND now() < period_end)`

/** Whoever left, or was taken out, comes back only by signing anew, and not because somebody corrects a status or a period. */
const stayingOver = (): FhirError =>
  new FhirError(
    'business-rule',
    `A ResearchSubject that is over (${[...ended].join(', ')}, or its period has ended) stays so: they are enrolled anew by another ResearchSubject, once their Consent is ended, and give a new one`,
    { expression: 'ResearchSubject.status' },
  )

/**
 * Of two places that go on, the patient would leave one and be in the study by the other. Another record of the same human may have one of its own: whoever
 * writes this one need not know of that.
 */
const refuseSecond = async (connection: Connection, { patientId, id }: Projected<ResearchSubject>): Promise<void> => {
  const other = await connection.maybeOne<{ id: string }>(sql.fragment`
    SELECT other.id FROM enrolment AS own
    JOIN enrolment AS other ON other.patient_id = own.patient_id AND other.study_id = own.study_id
      AND other.patient = own.patient AND other.id <> own.id
    WHERE own.patient_id = ${patientId} AND own.id = ${id} AND other.in_force AND now() < other.period_end
    ORDER BY other.id LIMIT 1`)
  if (other === undefined) return
  throw new FhirError(
    'conflict',
    `The patient has a place in the study already, ResearchSubject/${other.id}, which is not over: change that one, or end it first (${[...ended].join(', ')}, or its period)`,
    { expression: 'ResearchSubject.individual' },
  )
}

/** What somebody gave before they left the study must not count again because others enrol them anew. */
const refuseReturn = async (
  connection: Connection,
  { patientId, resource }: Projected<ResearchSubject>,
  study: string,
): Promise<void> => {
  if (patientId === 0 || ended.has(resource?.status ?? '')) return
  const given = await connection.maybeOne(sql.fragment`
    SELECT FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ${patientId} AND given.grantee = (SELECT grantee FROM study WHERE id = ${study})
      AND consent.content ->> 'status' = 'active'
      AND ${hasLeft(sql.fragment`${patientId}`, sql.fragment`${study}`)}
    LIMIT 1`)
  if (given === undefined) return
  throw new FhirError(
    'business-rule',
    'They have left the study, and what they gave it would count again: their Consent is ended first',
    { expression: 'ResearchSubject.individual' },
  )
}

type Enrolment = {
  readonly patient_id: number
  readonly id: string
  readonly pk: string
  readonly study_id: string
  readonly patient: string
  readonly in_force: boolean
  readonly period_start: string
  readonly period_end: string
  readonly content: Pick<ResearchSubject, 'identifier'>
}

/** Empty for one that enrols nobody. */
const enrolmentOf = ({ patientId, id, pk, resource }: Projected<ResearchSubject>): readonly Enrolment[] => {
  const [study, patient] = [namedId(resource?.study, 'ResearchStudy'), namedId(resource?.individual, 'Patient')]
  if (resource === undefined || study === undefined || patient === undefined || patientId === 0) return []
  const { low, high } = intervalOfPeriod(resource.period ?? {})
  const inForce = !ended.has(resource.status ?? '')
  const { identifier = [] } = resource
  return [
    {
      patient_id: patientId,
      id,
      pk,
      study_id: study,
      patient,
      in_force: inForce,
      period_start: low,
      period_end: high,
      content: { identifier },
    },
  ]
}

/** Whoever names the Patients anew waits for the turn that is taken here, and finds these rows. */
const insertEnrolments = (
  connection: Connection,
  enrolments: readonly Enrolment[],
): Promise<readonly { readonly isOver: boolean }[]> =>
  connection.any<{ isOver: boolean }>(sql.fragment`
    WITH made AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(enrolments)}::jsonb) AS made(
        patient_id integer, id text, pk bigint, study_id text, patient text, in_force boolean,
        period_start timestamptz, period_end timestamptz, content jsonb)),
    person AS MATERIALIZED (
      SELECT patient_id, id, patient_sort_name(content) AS named, person_letters(content) AS names FROM patient
      WHERE (patient_id, id) IN (SELECT patient_id, patient FROM made))
    INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end, named, names, code, codes)
    SELECT made.patient_id, made.id, made.pk, study_id, patient, in_force, period_start, period_end, person.named, person.names,
      place_code(made.content), person_letters(made.content)
    FROM made LEFT JOIN person ON person.patient_id = made.patient_id AND person.id = made.patient
    RETURNING ${isOver} AS "isOver"`)
