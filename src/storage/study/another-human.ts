import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

type Claimed = { readonly person: string; readonly patient: string }

/**
 * Whether the account's holder cannot be the Patient, who is not linked to the account yet, because a Patient that is linked was born on another day.
 * A birth date that is only a year, or missing, says nothing. For a deleted Patient the last version counts, since their data still exists.
 */
export const isAnotherHuman = async (connection: Connection, { person, patient }: Claimed): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    WITH own AS (
      SELECT patient FROM person_patient WHERE person = ${person}
    ), record AS (
      SELECT identity.id, coalesce(current.content, last.content) ->> 'birthDate' AS born
      FROM resource_identity AS identity
      LEFT JOIN patient AS current ON current.patient_id = identity.patient_id AND current.pk = identity.pk
      LEFT JOIN LATERAL (
        SELECT past.content FROM patient_history AS past
        WHERE past.patient_id = identity.patient_id AND past.pk = identity.pk AND past.content IS NOT NULL
        ORDER BY past.version DESC LIMIT 1) AS last ON current.pk IS NULL
      WHERE identity.type_id = ${typeIdOf('Patient')}
        AND (identity.id = ${patient} OR identity.id IN (SELECT patient FROM own))
    )
    SELECT FROM record AS claimed JOIN record AS known ON known.born <> claimed.born
    WHERE claimed.id = ${patient} AND ${patient} NOT IN (SELECT patient FROM own)
      AND length(claimed.born) = ${dayLength} AND length(known.born) = ${dayLength}
    LIMIT 1`)) !== undefined

const dayLength = '1970-05-31'.length
