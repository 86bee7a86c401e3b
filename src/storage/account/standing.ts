import type { Connection } from '../database.ts'
import { inForce } from '../model/reference.ts'
import { isPermitInForce } from '../model/relation/consented.ts'
import { name, sql } from '../sql.ts'

/** What somebody is, which decides to what pages they are led. What they may do there is decided by the rules. */
export type Standing = {
  readonly administrator: boolean
  /** Whether they are a Practitioner. */
  readonly staff: boolean
  readonly patient: boolean
  /** Whether somebody gives anything to them as a Practitioner, or to an organization of theirs, and not to a study. */
  readonly shared: boolean
  /** Id of the Patient whose record is theirs; undefined if they have none, or those of several people. */
  readonly record: string | undefined
  /** Whether they are a privacy officer somewhere. An administrator reads the record of the installation, and none of an organization. */
  readonly officer: boolean
}

export const standingOf = async (connection: Connection, person: string): Promise<Standing> => {
  const { record, ...standing } = await connection.one<Row>(sql.fragment`
    SELECT administrator, practitioner IS NOT NULL AS staff,
      EXISTS (SELECT FROM person_patient WHERE person = ${person}) AS patient,
      NOT administrator AND EXISTS (SELECT FROM practitioner_grantee AS reach
        JOIN study_group_observation_consents AS given ON given.grantee = reach.grantee
        WHERE reach.practitioner = account.practitioner AND reach.study_id IS NULL AND ${inForce(name('reach'))}
          AND ${isPermitInForce('s')}) AS shared,
      (SELECT CASE WHEN min(compartment.patient_id) = max(compartment.patient_id) THEN min(linked.patient) END
        FROM person_patient AS linked JOIN patient_compartment AS compartment ON compartment.id = linked.patient
        WHERE linked.person = ${person}) AS record,
      NOT administrator AND EXISTS (SELECT FROM privacy_officer AS officer
        WHERE officer.practitioner = account.practitioner AND ${inForce(name('officer'))}) AS officer
    FROM (
      SELECT coalesce((SELECT administrator FROM user_account WHERE person = ${person}), FALSE) AS administrator,
        (SELECT practitioner FROM person_practitioner WHERE person = ${person}) AS practitioner
      OFFSET 0) AS account`)
  return { ...standing, record: record ?? undefined }
}

type Row = Omit<Standing, 'record'> & { readonly record: string | null }
