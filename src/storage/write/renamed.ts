import type { Connection } from '../database.ts'
import { takeTurn } from '../model/consent/turn.ts'
import { numbersOf } from '../model/reference.ts'
import { name, sql } from '../sql.ts'
import type { Writing } from './write.ts'

/**
 * Lets the rows of places and of Consents for care say what their Patients are called by now.
 *
 * Whoever writes a place or a Consent reads, in the turn of its patient, what they are called, and does not wait for whoever is changing that. So it is
 * written beside them in that turn, and after what else is locked: earlier, the two could wait for each other.
 */
export const renewNames = async (connection: Connection, writing: Writing): Promise<void> => {
  const patients = [...writing.renamed]
  writing.renamed.clear()
  if (patients.length === 0) return
  for (const patientId of await numbersOf(connection, patients)) await takeTurn(connection, patientId, writing)
  for (const row of named) await renameIn(connection, row, patients)
}

type Named = (typeof named)[number]

/** `letters`: the function that says what a search for a part of a name is looked for in. */
const named = [
  { table: 'enrolment', letters: 'person_letters' },
  { table: 'care_consent', letters: 'patient_names' },
] as const

const renameIn = async (
  connection: Connection,
  { table, letters }: Named,
  patients: readonly string[],
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE ${name(table)} AS beside SET named = person.named, names = person.names
    FROM (
      SELECT compartment.patient_id, compartment.id, patient_sort_name(row.content) AS named, ${name(letters)}(row.content) AS names
      FROM patient_compartment AS compartment
      LEFT JOIN patient AS row ON row.patient_id = compartment.patient_id AND row.id = compartment.id
      WHERE compartment.id = ANY(${sql.array([...patients], 'text')})) AS person
    WHERE beside.patient_id = person.patient_id AND beside.patient = person.id
      AND (beside.named, beside.names) IS DISTINCT FROM (person.named, person.names)`)
}
