import type { Patient } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { becomesPatient, type LineChoice } from './chosen-lines.ts'

/** A list of patients to be registered. Everything is named by its id. */
export type PatientImport = {
  readonly id: string
  readonly person: string
  readonly organization: string
  readonly study: string | null
  readonly state: 'checking' | 'checked' | 'importing' | 'imported' | 'failed'
  /** What becomes of those duplicates for which nothing else was chosen. */
  readonly keepsDuplicates: boolean
  /** Numbers of lines. */
  readonly total: number
  readonly faulty: number
  readonly duplicates: number
  /** For how many lines the work of the present state is done. */
  readonly done: number
  readonly imported: number | null
  /** How many lines become Patients, once it is confirmed. */
  readonly toRegister: number | null
  /** Id of the StudyAction that enrols those who were registered already. */
  readonly action: string | null
  /** Why it failed, or has to be confirmed once more. */
  readonly reason: string | null
  readonly madeAt: Date
  /** From when on it may be forgotten, if nobody has confirmed it. */
  readonly waitsUntil: Date
}

export type ImportLine = {
  /** The line of the file; the first is 1. */
  readonly line: number
} & (
  | { readonly patient: Patient; readonly problems?: undefined }
  | { readonly patient?: undefined; readonly problems: Readonly<Record<string, string>> }
)

/** Somebody who may be the same human: a Patient by its id, or an earlier line. `isNew`: they were found after the list had been looked at. */
export type LineDuplicate = ({ readonly patient: string } | { readonly line: number }) & { readonly isNew?: true }

export type ShownLine = {
  readonly line: number
  /** Null if something is wrong with the line. */
  readonly patient: Patient | null
  readonly problems: Readonly<Record<string, string>> | null
  readonly duplicates: readonly LineDuplicate[] | null
  readonly choice: LineChoice | null
}

export const addImport = async (
  connection: Connection,
  { person, organization, study, lines }: NewImport,
): Promise<string> => {
  const id = uuidv7()
  const faulty = lines.filter(({ problems }) => problems !== undefined).length
  await connection.run(sql.fragment`
    INSERT INTO patient_import (id, person, organization, study_id, total, faulty)
    VALUES (${id}, ${person}, ${organization}, ${study ?? null}, ${lines.length}, ${faulty})`)
  await connection.run(sql.fragment`
    INSERT INTO patient_import_line (import, line, patient, problems)
    SELECT ${id}, line, patient, problems
    FROM jsonb_to_recordset(${JSON.stringify(lines)}::jsonb) AS given (line integer, patient jsonb, problems jsonb)`)
  return id
}

type NewImport = Pick<PatientImport, 'person' | 'organization'> & {
  readonly study: string | undefined
  readonly lines: readonly ImportLine[]
}

/** Only the person's own. */
export const findImport = (connection: Connection, person: string, id: string): Promise<PatientImport | undefined> =>
  connection.maybeOne<PatientImport>(sql.fragment`${select} WHERE id = ${id} AND person = ${person}`)

/** For working on it. */
export const readImport = (connection: Connection, id: string): Promise<PatientImport | undefined> =>
  connection.maybeOne<PatientImport>(sql.fragment`${select} WHERE id = ${id}`)

/** The person's, newest first. */
export const importsOf = (connection: Connection, person: string): Promise<readonly PatientImport[]> =>
  connection.any<PatientImport>(
    sql.fragment`${select} WHERE person = ${person} ORDER BY made_at DESC, id DESC LIMIT 50`,
  )

/** Those on which there is work to do. */
export const importsToWorkOn = async (connection: Connection): Promise<readonly string[]> =>
  (
    await connection.any<{ id: string }>(
      sql.fragment`SELECT id FROM patient_import WHERE state IN ('checking', 'importing')`,
    )
  ).map(({ id }) => id)

export type WhichLines = 'all' | 'faulty' | 'duplicate' | 'sound' | 'to-register'

/** Those after the line, in the order of the file. */
export const linesOf = (
  connection: Connection,
  id: string,
  { which, after, count }: { readonly which: WhichLines; readonly after: number; readonly count: number },
): Promise<readonly ShownLine[]> =>
  connection.any<ShownLine>(sql.fragment`
    SELECT line, patient, problems, duplicates, choice FROM patient_import_line
    WHERE import = ${id} AND line > ${after} AND ${conditions[which]} ORDER BY line LIMIT ${count}`)

const conditions: Readonly<Record<WhichLines, SqlFragment>> = {
  all: sql.fragment`TRUE`,
  faulty: sql.fragment`problems IS NOT NULL`,
  duplicate: sql.fragment`duplicates IS NOT NULL`,
  sound: sql.fragment`problems IS NULL AND duplicates IS NULL`,
  'to-register': becomesPatient,
}

export type FoundDuplicates = readonly { readonly line: number; readonly duplicates: readonly LineDuplicate[] }[]

export const noteDuplicates = async (connection: Connection, id: string, found: FoundDuplicates): Promise<void> => {
  if (found.length === 0) return
  await connection.run(sql.fragment`
    UPDATE patient_import_line AS line SET duplicates = found.duplicates
    FROM jsonb_to_recordset(${JSON.stringify(found)}::jsonb) AS found (line integer, duplicates jsonb)
    WHERE line.import = ${id} AND line.line = found.line`)
}

export const noteDone = async (connection: Connection, id: string, done: number): Promise<void> => {
  await connection.run(sql.fragment`UPDATE patient_import SET done = ${done} WHERE id = ${id}`)
}

export const endChecking = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE patient_import SET state = 'checked', done = 0, duplicates = (
      SELECT count(*) FROM patient_import_line WHERE import = ${id} AND duplicates IS NOT NULL)
    WHERE id = ${id} AND state = 'checking'`)
}

/**
 * The lists of one tenant are registered one after another, so that each sees what the one before has registered. It waits as long as that takes,
 * which may be longer than the time limit of a statement.
 */
export const awaitOtherImports = async (connection: Connection, organization: string): Promise<void> => {
  await connection.run(sql.fragment`SET LOCAL statement_timeout = 0`)
  await connection.run(sql.fragment`SET LOCAL lock_timeout = 0`)
  await connection.run(sql.fragment`
    SELECT pg_advisory_xact_lock(hashtext('patient_import'), ${tenantOf(organization)})`)
  await connection.run(sql.fragment`SET LOCAL statement_timeout TO DEFAULT`)
  await connection.run(sql.fragment`SET LOCAL lock_timeout TO DEFAULT`)
}

/**
 * For a list that is written, before it is looked for the last time who is there: until it is done nobody in its tenant registers anybody by hand, and
 * whoever is doing so is waited for. It takes no turn for each of its patients: these would be all turns there are.
 */
export const awaitRegistering = (connection: Connection, organization: string): Promise<number> =>
  connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('registering'), ${tenantOf(organization)})`)

/** By hand, before it is looked who is there: waits for a list that is nearly done, and for nobody else. */
export const registerBeside = (connection: Connection, organization: string): Promise<number> =>
  connection.run(sql.fragment`SELECT pg_advisory_xact_lock_shared(hashtext('registering'), ${tenantOf(organization)})`)

const tenantOf = (organization: string): SqlFragment => sql.fragment`hashtext(coalesce(
  (SELECT tenant FROM organization_node WHERE id = ${organization}), ${organization}))`

/**
 * A list that was confirmed has to be confirmed once more, since these duplicates were found. What was chosen for those that were shown stays; for
 * these nothing is chosen yet, so that nobody registers them without having seen them. Those that were new before are new no more.
 */
export const showAgain = async (
  connection: Connection,
  id: string,
  { duplicates, reason }: { readonly duplicates: FoundDuplicates; readonly reason: string },
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE patient_import_line SET choice = '{"kind": "register"}'
    WHERE import = ${id} AND duplicates IS NOT NULL AND ${becomesPatient}`)
  await connection.run(sql.fragment`
    UPDATE patient_import_line SET duplicates = (SELECT jsonb_agg(one - 'isNew') FROM jsonb_array_elements(duplicates) AS known (one))
    WHERE import = ${id} AND duplicates @> '[{"isNew": true}]'`)
  await noteDuplicates(
    connection,
    id,
    duplicates.map(({ line, duplicates: found }) => ({
      line,
      duplicates: found.map(one => ({ ...one, isNew: true })),
    })),
  )
  await connection.run(sql.fragment`
    UPDATE patient_import SET state = 'checked', done = 0, reason = ${reason}, keeps_duplicates = FALSE, duplicates = (
      SELECT count(*) FROM patient_import_line WHERE import = ${id} AND duplicates IS NOT NULL)
    WHERE id = ${id} AND state = 'importing'`)
}

/** In the transaction that registers the patients. False if that has been done already. The lines of the file are deleted. */
export const endImport = async (
  connection: Connection,
  id: string,
  { imported, action }: { readonly imported: number; readonly action: string | undefined },
): Promise<boolean> => {
  const ended = await connection.run(sql.fragment`
    UPDATE patient_import SET state = 'imported', imported = ${imported}, action = ${action ?? null}, ended_at = now()
    WHERE id = ${id} AND state = 'importing'`)
  await dropLines(connection, id)
  return ended > 0
}

export const failImport = async (connection: Connection, id: string, reason: string): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE patient_import SET state = 'failed', reason = ${reason}, ended_at = now()
    WHERE id = ${id} AND state IN ('checking', 'importing')`)
  await dropLines(connection, id)
}

/** False if it is being registered, or has been. */
export const dropImport = async (connection: Connection, person: string, id: string): Promise<boolean> =>
  (await connection.run(sql.fragment`
    DELETE FROM patient_import WHERE id = ${id} AND person = ${person} AND state IN ('checking', 'checked', 'failed')`)) >
  0

/** Deletes lists that nobody has confirmed within a day. */
export const dropOldImports = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`
    DELETE FROM patient_import WHERE state IN ('checking', 'checked') AND ${waitsUntil} <= now()`)
}

const dropLines = (connection: Connection, id: string) =>
  connection.run(sql.fragment`DELETE FROM patient_import_line WHERE import = ${id}`)

const waitsUntil = sql.fragment`made_at + interval '1 day'`

const select = sql.fragment`
  SELECT id, person, organization, study_id AS study, state, keeps_duplicates AS "keepsDuplicates", total, faulty, duplicates,
    done, imported, to_register AS "toRegister", action, reason, made_at AS "madeAt", ${waitsUntil} AS "waitsUntil"
  FROM patient_import`
