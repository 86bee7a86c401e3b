import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** The id in the row's reference element, if that is a relative reference to a resource of the type. */
export const referencedId = (content: SqlFragment, element: string, type: ResourceType): SqlFragment =>
  sql.fragment`referenced_id(${content}.content -> ${element}, ${type})`

/** The period in the row's columns includes now. */
export const inForce = (alias: SqlFragment): SqlFragment =>
  sql.fragment`now() >= ${alias}.period_start AND now() < ${alias}.period_end`

/** The number of a Patient's compartment; of an id that nobody has, one that is in no row. */
export const compartmentOf = (patient: string): SqlFragment =>
  sql.fragment`coalesce((SELECT patient_id FROM patient_compartment WHERE id = ${patient}), -1)`

/** The numbers of the Patients' compartments, the oldest first. */
export const numbersOf = async (connection: Connection, patients: readonly string[]): Promise<readonly number[]> => {
  const rows = await connection.any<{ patient_id: number }>(sql.fragment`
    SELECT DISTINCT patient_id FROM patient_compartment WHERE id = ANY(${sql.array([...patients], 'text')})
    ORDER BY patient_id`)
  return rows.map(({ patient_id }) => patient_id)
}
