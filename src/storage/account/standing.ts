import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** What somebody is, which decides to what pages they are led. What they may do there is decided by the rules. */
export type Standing = {
  readonly administrator: boolean
  /** Whether they are a Practitioner. */
  readonly staff: boolean
  readonly patient: boolean
  /** Id of the Patient whose record is theirs; undefined if they have none, or those of several people. */
  readonly record: string | undefined
  /** Whether they are a privacy officer somewhere. An administrator reads the record of the installation, and none of an organization. */
  readonly officer: boolean
}

export const standingOf = async (connection: Connection, person: string): Promise<Standing> => {
  const { record, ...standing } = await connection.one<Row>(sql.fragment`
    SELECT administrator,
      EXISTS (SELECT FROM person_practitioner WHERE person = ${person}) AS staff,
      EXISTS (SELECT FROM person_patient WHERE person = ${person}) AS patient,
      (SELECT CASE WHEN count(DISTINCT compartment.patient_id) = 1 THEN min(linked.patient) END
        FROM person_patient AS linked JOIN patient_compartment AS compartment ON compartment.id = linked.patient
        WHERE linked.person = ${person}) AS record,
      NOT administrator AND EXISTS (SELECT FROM person_practitioner JOIN privacy_officer USING (practitioner)
        WHERE person = ${person} AND now() >= period_start AND now() < period_end) AS officer
    FROM (
      SELECT coalesce((SELECT administrator FROM user_account WHERE person = ${person}), FALSE) AS administrator) AS account`)
  return { ...standing, record: record ?? undefined }
}

type Row = Omit<Standing, 'record'> & { readonly record: string | null }
