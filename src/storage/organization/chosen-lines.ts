import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** What is to become of a line that may be registered already. `enrol`: the Patient is meant, and is enrolled in the study of the list. */
export type LineChoice =
  | { readonly kind: 'leave-out' }
  | { readonly kind: 'register' }
  | { readonly kind: 'enrol'; readonly patient: string }

/** Without a choice, as for all. */
export type ChosenLine = { readonly line: number; readonly choice: LineChoice | undefined }

export type Choices = {
  /** How many duplicates whoever chose had been told of. */
  readonly shown: number
  /** Whether those are registered for which nothing else is chosen. */
  readonly keepsDuplicates: boolean
  readonly chosen: readonly ChosenLine[]
}

/** A list, and whoever sent it. */
type OwnList = { readonly id: string; readonly person: string }

/**
 * Notes what is to become of duplicates: of these lines, and of all for which nothing is chosen. Undefined if the list does not wait to be confirmed,
 * or not as it was shown, since more have been found by now. Otherwise the numbers of those lines that can have their choice: only a Patient who was found for a line can be meant by it, and only a list that
 * is for a study enrols anybody.
 */
export const chooseLines = async (
  connection: Connection,
  { id, person }: OwnList,
  { shown, keepsDuplicates, chosen }: Choices,
): Promise<readonly number[] | undefined> => {
  const waits = await connection.run(sql.fragment`
    UPDATE patient_import SET keeps_duplicates = ${keepsDuplicates}
    WHERE id = ${id} AND person = ${person} AND state = 'checked' AND faulty = 0 AND duplicates = ${shown}`)
  if (waits === 0) return undefined
  const noted = await connection.any<{ line: number }>(sql.fragment`
    UPDATE patient_import_line AS line SET choice = given.choice
    FROM jsonb_to_recordset(${JSON.stringify(chosen)}::jsonb) AS given (line integer, choice jsonb)
    WHERE line.import = ${id} AND line.line = given.line AND line.duplicates IS NOT NULL
      AND (given.choice ->> 'kind' IS DISTINCT FROM 'enrol'
        OR line.duplicates @> jsonb_build_array(jsonb_build_object('patient', given.choice ->> 'patient'))
          AND (SELECT study_id FROM patient_import WHERE id = ${id}) IS NOT NULL)
    RETURNING line.line`)
  return noted.map(({ line }) => line)
}

/** If several confirm it at the same time, one gets true; nobody does if a line is faulty, or if nothing is to be done for any. */
export const confirmImport = async (connection: Connection, { id, person }: OwnList): Promise<boolean> =>
  (await connection.run(sql.fragment`
    UPDATE patient_import SET state = 'importing', done = 0, reason = NULL, to_register = (
      SELECT count(*) FROM patient_import_line WHERE import = ${id} AND ${becomesPatient})
    WHERE id = ${id} AND person = ${person} AND state = 'checked' AND faulty = 0 AND EXISTS (
      SELECT FROM patient_import_line WHERE import = ${id} AND (${becomesPatient} OR ${isMeant}))`)) > 0

/** Ids of the Patients whom lines mean, in the order of the file. */
export const meantPatients = async (connection: Connection, id: string): Promise<readonly string[]> =>
  (
    await connection.any<{ patient: string }>(sql.fragment`
      SELECT choice ->> 'patient' AS patient FROM patient_import_line WHERE import = ${id} AND ${isMeant}
      GROUP BY choice ->> 'patient' ORDER BY min(line)`)
  ).map(({ patient }) => patient)

/** Of a line: whether it becomes a Patient. */
export const becomesPatient = sql.fragment`problems IS NULL AND (
  duplicates IS NULL OR choice ->> 'kind' = 'register'
  OR choice IS NULL AND (SELECT keeps_duplicates FROM patient_import WHERE id = import))`

const isMeant = sql.fragment`choice ->> 'kind' = 'enrol'`
