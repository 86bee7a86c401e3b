import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** Who did it, by ids, and in which request. */
export type AuditAgent = {
  readonly person?: string
  readonly practitioner?: string
  /** As whom they act, where they act as a patient. */
  readonly patient?: string
  readonly client?: string
  /** The ResearchStudy to which their token is narrowed. */
  readonly study?: string
  readonly request?: string
  /** The operation within which it was done: `$everything`. */
  readonly operation?: string
}

/** What was done, or tried. */
export type AuditAccess = {
  /** FHIR's code (https://hl7.org/fhir/R4/valueset-restful-interaction.html), or one of ours: `sign-in`. */
  readonly interaction: string
  /** Types, with blanks between them. */
  readonly type?: string | undefined
  /** Id of the one resource that was asked for or written. */
  readonly resource?: string
  /** Compartments of which something was answered or written, by number. */
  readonly patients: Iterable<number>
  /** Further Patients whom it is about, by id. */
  readonly subjects?: readonly string[]
  /** Numbers of the kinds of the Observations among it. */
  readonly kinds?: Iterable<number>
  /** The search as it was asked, without values that identify. */
  readonly query?: string | undefined
  /** As HTTP has it. */
  readonly outcome: number
}

export type AuditRecord = AuditAgent & AuditAccess

/** One statement for as many as usually come together. */
export const insertRecords = async (connection: Connection, records: readonly AuditRecord[]): Promise<void> => {
  for (let from = 0; from < records.length; from += mostAtOnce)
    await connection.later(insertion(records.slice(from, from + mostAtOnce)))
}

const mostAtOnce = 32

/** For each number of records the text is put together once, which takes longer than sending it. */
const insertion = (records: readonly AuditRecord[]): SqlFragment => {
  const isNaming = records.some(({ subjects }) => subjects !== undefined)
  const rows = records.map(record => rowOf(record, isNaming))
  const remembered = insertions[isNaming ? 'naming' : 'plain']
  const known = remembered.get(rows.length)
  if (known !== undefined) return { ...known, values: rows.flat() }
  const fragment = insertionOf(rows, isNaming)
  remembered.set(rows.length, fragment)
  return fragment
}
const insertions = { plain: new Map<number, SqlFragment>(), naming: new Map<number, SqlFragment>() }

type Value = string | number | null

const rowOf = (record: AuditRecord, isNaming: boolean): readonly Value[] => {
  const { patients, kinds = [], subjects, outcome } = record
  const row = [...texts.map(name => storable(record[name])), numbersOf(patients), numbersOf(kinds), outcome]
  return isNaming ? [...row, subjects === undefined ? null : JSON.stringify(subjects.map(storable))] : row
}

/** Nearly always nobody is named beside whose data it is: then it is one that need not be planned anew, which took most of its time. */
const insertionOf = (rows: readonly (readonly Value[])[], isNaming: boolean): SqlFragment => sql.fragment`
  INSERT INTO audit_record (epoch, ${names}, patients, kinds, outcome)
  SELECT (SELECT max(epoch) FROM audit_epoch), ${names}, ${isNaming ? withNamed : sql.fragment`patients`}, kinds, outcome
  FROM (VALUES ${list(
    rows.map(
      row => sql.fragment`(${list(row.map((value, column) => sql.fragment`${value}${types[column] ?? text}`))})`,
    ),
  )}) AS record(${names}, patients, kinds, outcome${isNaming ? sql.fragment`, subjects` : sql.fragment``})`

const withNamed = sql.fragment`CASE WHEN subjects IS NULL THEN patients ELSE ARRAY(
  SELECT unnest(patients)
  UNION SELECT patient_id FROM patient_compartment WHERE id IN (SELECT json_array_elements_text(subjects::json))) END`

const list = (members: readonly SqlFragment[]): SqlFragment => sql.fragment`${sql.join(members, sql.fragment`, `)}`

const texts = [
  'request',
  'person',
  'practitioner',
  'patient',
  'client',
  'study',
  'interaction',
  'operation',
  'type',
  'resource',
  'query',
] as const
const names = sql.join(
  texts.map(name => sql.identifier([name])),
  sql.fragment`, `,
)
const text = sql.fragment`::text`
const integers = sql.fragment`::integer[]`
const types = [...texts.map(() => text), integers, integers, sql.fragment`::smallint`, text]

/** No text of PostgreSQL's has the character U+0000, and what somebody asks with it is recorded as well. */
const storable = (text: string | undefined): string | null => text?.replaceAll('\0', '\ufffd') ?? null

const numbersOf = (numbers: Iterable<number>): string => `{${[...numbers].filter(one => one !== 0).join(',')}}`
