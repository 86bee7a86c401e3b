import type { Patient } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { isEnrolled } from '../model/enrolled.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** What the record of somebody in a study has of what is needed to write to them. */
export type PlaceRecord = { readonly subject: string; readonly record: Patient }

/** By the id of the ResearchStudy, or those of ResearchSubjects and of the Patients that they name. */
export type OfPlaces =
  | { readonly study: string }
  | { readonly subjects: readonly string[]; readonly patients: readonly string[] }

type PlacesAsked = {
  readonly of: OfPlaces
  /** Whether messages are sent by e-mail: then whoever has an address for it, and a full birth date, lacks nothing. */
  readonly byEmail: boolean
}

/** The Patient `row` has died, or is not in use. */
const isDeadOrInactive = sql.fragment`(row.content -> 'active' IS NOT DISTINCT FROM 'false' OR row.content ? 'deceasedDateTime'
  OR row.content -> 'deceasedBoolean' IS NOT DISTINCT FROM 'true')`

/** The Patient `row` is of the institution of `study`. */
const isOfInstitution = sql.fragment`EXISTS (
  SELECT FROM organization_node AS registering JOIN organization_node AS inviting ON inviting.tenant = registering.tenant
  WHERE registering.id = row.owner AND inviting.id = study.organization)`

/** Nobody writes any more to whom the row of `enrolment` names. Of patients of other institutions, not everybody who invites may know that. */
export const isWrittenToNoMore = sql.fragment`EXISTS (
  SELECT FROM patient AS row JOIN study ON study.id = enrolment.study_id
  WHERE row.patient_id = enrolment.patient_id AND row.id = enrolment.patient AND ${isDeadOrInactive} AND ${isOfInstitution})`

/**
 * The records of those in a study who may lack something, of patients of the institution of the study: of others, not everybody who invites may know
 * that much. Numbers are not judged here. Each record of the study is read for it.
 */
export const recordsThatMayLack = async (
  connection: Connection,
  { of, byEmail }: PlacesAsked,
): Promise<readonly PlaceRecord[]> => {
  const rows = await connection.any<{ readonly subject: string; readonly record: string }>(sql.fragment`
    SELECT enrolment.id AS subject, jsonb_build_object('resourceType', 'Patient', 'telecom', coalesce(row.content -> 'telecom', '[]'),
      'birthDate', row.content -> 'birthDate')::text AS record
    FROM enrolment
    JOIN study ON study.id = enrolment.study_id
    JOIN patient AS row ON row.patient_id = enrolment.patient_id AND row.id = enrolment.patient
    WHERE ${isOf(of)} AND ${isEnrolled} AND NOT ${isDeadOrInactive} AND ${isOfInstitution}
      AND NOT (${byEmail} AND length(row.content ->> 'birthDate') = ${'YYYY-MM-DD'.length} AND row.content @? ${presentEmail}::jsonpath)`)
  return rows.map(({ subject, record }) => ({ subject, record: JSON.parse(record) }))
}

const isOf = (of: OfPlaces): SqlFragment =>
  'study' in of
    ? sql.fragment`enrolment.study_id = ${of.study}`
    : sql.fragment`enrolment.patient = ANY (${sql.array([...of.patients], 'text')}) AND enrolment.id = ANY (${sql.array([...of.subjects], 'text')})`

const presentEmail = '$.telecom[*] ? (@.system == "email" && !(@.use == "old") && exists(@.value))'
