import type { Patient } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { columnOf, sql } from '../sql.ts'
import { renameInPlaces } from './enrolment.ts'
import { birthYearOf, genderOf } from './noted-subject.ts'
import { followAddresses } from './patient-address.ts'
import type { Projected, Projection } from './projection.ts'

/** Messages follow a patient's addresses, and places in studies the name, the gender and the year of birth. */
export const projectPatients: Projection<Patient> = async (connection, changes, context) => {
  await followAddresses(connection, changes, context)
  await renameInPlaces(connection, changes)
  for (const id of await findCorrected(connection, changes)) context.corrected?.add(id)
}

/** Those who were noted otherwise before, or who are in a study already when their Patient comes. */
const findCorrected = async (
  connection: Connection,
  changes: readonly Projected<Patient>[],
): Promise<readonly string[]> => {
  const there = changes.filter(({ resource }) => resource !== undefined)
  const corrected = await connection.any<{ id: string }>(sql.fragment`
    SELECT changed.id
    FROM unnest(
      ${columnOf(there, ({ patientId }) => patientId, 'int4')},
      ${columnOf(there, ({ pk }) => pk, 'int8')},
      ${columnOf(there, ({ id }) => id, 'text')},
      ${columnOf(there, ({ versionId }) => versionId, 'text')}) AS changed(patient_id, pk, id, version)
    JOIN patient ON patient.patient_id = changed.patient_id AND patient.pk = changed.pk
    LEFT JOIN patient_history AS before ON before.patient_id = changed.patient_id AND before.pk = changed.pk
      AND before.version = changed.version::integer - 1
    WHERE (${genderOf(sql.fragment`before`)} IS DISTINCT FROM ${genderOf(sql.fragment`patient`)}
        OR ${birthYearOf(sql.fragment`before`)} IS DISTINCT FROM ${birthYearOf(sql.fragment`patient`)})
      AND (changed.version <> '1' OR EXISTS (SELECT FROM enrolment WHERE enrolment.patient = changed.id))`)
  return corrected.map(({ id }) => id)
}
