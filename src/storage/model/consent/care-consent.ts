import type { Consent } from '@medplum/fhirtypes'
import { namedId } from '../../../fhir/reference.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import type { Projected } from '../projection.ts'

/** By which a Consent to an Organization or a Practitioner is listed, once its permits are written; nothing if it opens nothing. */
export const insertCareConsent = async (
  connection: Connection,
  { patientId, id, pk }: Omit<Projected<Consent>, 'resource'>,
  { consent, grantee }: { readonly consent: Consent; readonly grantee: number },
): Promise<void> => {
  const patient = namedId(consent.patient, 'Patient')
  if (patient === undefined) return
  const called = consent.patient?.display?.trim() ?? ''
  // Whoever names them anew waits for the turn that is taken here, and finds this row.
  await connection.run(sql.fragment`
    WITH person AS MATERIALIZED (
      SELECT patient_sort_name(content) AS named, patient_names(content) AS names
      FROM patient WHERE patient_id = ${patientId} AND id = ${patient})
    INSERT INTO care_consent (patient_id, consent_id, grantee, pk, patient, code, since, until, called, named, names)
    SELECT ${patientId}, ${id}, ${grantee}, ${pk}, ${patient}, upper(right(replace(${patient}, '-', ''), 8)),
      coalesce(fhir_time_low(${JSON.stringify(consent.dateTime ?? null)}::jsonb), '-infinity'), permit.until,
      left(fhir_fold(nullif(${called}, '')), 200), (SELECT named FROM person), (SELECT names FROM person)
    FROM (
      SELECT max(valid_to) AS until FROM study_group_observation_consents
      WHERE patient_id = ${patientId} AND consent_id = ${id} AND consented AND data_start < data_end) AS permit
    WHERE permit.until IS NOT NULL`)
}

export const removeCareConsent = async (connection: Connection, patientId: number, id: string): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM care_consent WHERE patient_id = ${patientId} AND consent_id = ${id}`)
}
