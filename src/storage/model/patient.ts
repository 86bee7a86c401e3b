import type { Patient } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import { birthYearOf, genderOf } from './noted-subject.ts'
import { followAddresses } from './patient-address.ts'
import type { Projected, Projection } from './projection.ts'

/**
 * Messages follow a patient's addresses. At the end of the writes, once the turn of those who are collected here is taken, follows what stands of gender
 * and year of birth in places (`renewPlaces`), and of names beside places and Consents (`renewNames`).
 */
export const projectPatients: Projection<Patient> = async (connection, changes, context) => {
  await followAddresses(connection, changes, context)
  for (const { id, isCorrected, isRenamed } of await findChanged(connection, changes)) {
    if (isCorrected) context.corrected?.add(id)
    if (isRenamed) context.renamed?.add(id)
  }
}

type Changed = { readonly id: string; readonly isCorrected: boolean; readonly isRenamed: boolean }

/** Those who were there before, or who are in a study or have given a Consent already when their Patient comes. */
const findChanged = (connection: Connection, changes: readonly Projected<Patient>[]): Promise<readonly Changed[]> =>
  connection.any<Changed>(sql.fragment`
    SELECT changed.id, patient.id IS NOT NULL AND (${isOther(genderOf)} OR ${isOther(birthYearOf)}) AS "isCorrected",
      ${isOther(row => sql.fragment`(${row}.content -> 'name')`)} OR ${isOther(row => sql.fragment`(${row}.content -> 'identifier')`)} AS "isRenamed"
    FROM unnest(
      ${columnOf(changes, ({ patientId }) => patientId, 'int4')},
      ${columnOf(changes, ({ pk }) => pk, 'int8')},
      ${columnOf(changes, ({ id }) => id, 'text')},
      ${columnOf(changes, ({ versionId }) => versionId, 'text')}) AS changed(patient_id, pk, id, version)
    LEFT JOIN patient ON patient.patient_id = changed.patient_id AND patient.pk = changed.pk
    LEFT JOIN patient_history AS before ON before.patient_id = changed.patient_id AND before.pk = changed.pk
      AND before.version = changed.version::integer - 1
    WHERE changed.version <> '1' OR EXISTS (SELECT FROM enrolment WHERE enrolment.patient = changed.id)
      OR EXISTS (SELECT FROM care_consent WHERE care_consent.patient_id = changed.patient_id)`)

const isOther = (said: (row: SqlFragment) => SqlFragment): SqlFragment =>
  sql.fragment`${said(sql.fragment`before`)} IS DISTINCT FROM ${said(sql.fragment`patient`)}`
