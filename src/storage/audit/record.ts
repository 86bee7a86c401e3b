import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { KindsOf } from './kinds-of-each.ts'

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
  /** Of several patients whose Observations were not all of all these kinds, those of each. */
  readonly kindsOf?: KindsOf
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

/** The text is put together once for each number and shape of records: that takes longer than sending it. */
const insertion = (records: readonly AuditRecord[]): SqlFragment => {
  const shape: Shape = {
    isNaming: records.some(({ subjects }) => subjects !== undefined),
    isApart: records.some(({ kindsOf }) => kindsOf !== undefined),
  }
  const rows = records.map(record => rowOf(record, shape))
  const key = `${rows.length} ${shape.isNaming} ${shape.isApart}`
  const known = insertions.get(key)
  if (known !== undefined) return { ...known, values: rows.flat() }
  const fragment = insertionOf(rows, shape)
  insertions.set(key, fragment)
  return fragment
}

/** What some of the records have beside what all have: `subjects`, `kindsOf`. */
type Shape = { readonly isNaming: boolean; readonly isApart: boolean }

const insertions = new Map<string, SqlFragment>()

type Value = string | number | null

const rowOf = (record: AuditRecord, { isNaming, isApart }: Shape): readonly Value[] => {
  const { patients, kinds = [], subjects, outcome, kindsOf } = record
  const row = [...texts.map(name => storable(record[name])), numbersOf(patients), numbersOf(kinds), outcome]
  if (isNaming) row.push(subjects === undefined ? null : JSON.stringify(subjects.map(storable)))
  if (isApart) row.push(kindsOf === undefined ? null : JSON.stringify(objectOf(kindsOf)))
  return row
}

const objectOf = (kindsOf: KindsOf) =>
  Object.fromEntries([...kindsOf].map(([patient, kinds]) => [storable(`${patient}`), [...kinds]]))

/** Nearly always nobody is named but those whose data it is: then the statement looks nobody up, and need not be planned anew, which took most of its time. */
const insertionOf = (rows: readonly (readonly Value[])[], { isNaming, isApart }: Shape): SqlFragment => sql.fragment`
  INSERT INTO audit_record (epoch, ${names}, patients, kinds, outcome${isApart ? sql.fragment`, kinds_of` : none})
  SELECT (SELECT max(epoch) FROM audit_epoch), ${names}, ${isNaming ? withNamed : sql.fragment`patients`}, kinds, outcome${
    isApart ? (isNaming ? kindsByNumber : sql.fragment`, kinds_of::jsonb`) : none
  }
  FROM (VALUES ${list(
    rows.map(
      row => sql.fragment`(${list(row.map((value, column) => sql.fragment`${value}${types[column] ?? text}`))})`,
    ),
  )}) AS record(${names}, patients, kinds, outcome${isNaming ? sql.fragment`, subjects` : none}${
    isApart ? sql.fragment`, kinds_of` : none
  })`

const none = sql.fragment``

const withNamed = sql.fragment`CASE WHEN subjects IS NULL THEN patients ELSE ARRAY(
  SELECT unnest(patients)
  UNION SELECT patient_id FROM patient_compartment WHERE id IN (SELECT json_array_elements_text(subjects::json))) END`

const kindsByNumber = sql.fragment`, audit_kinds_by_number(kinds_of::jsonb, ${withNamed}, kinds)`

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
const types = [...texts.map(() => text), integers, integers, sql.fragment`::smallint`]

/** No text of PostgreSQL's has the character U+0000, and what somebody asks with it is recorded as well. */
const storable = (text: string | undefined): string | null => text?.replaceAll('\0', '\ufffd') ?? null

const numbersOf = (numbers: Iterable<number>): string => `{${[...numbers].filter(one => one !== 0).join(',')}}`
