import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

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

/**
 * One statement for all of them, a column each: a third less work than one JSON text of records. Nearly always nobody is named beside whose data it is:
 * then it is one that need not be planned anew, which took most of its time.
 */
export const insertRecords = async (connection: Connection, records: readonly AuditRecord[]): Promise<void> => {
  const isNaming = records.some(({ subjects }) => subjects !== undefined)
  const columns = [
    ...texts.map(name => records.map(record => storable(record[name]))),
    records.map(({ patients }) => numbersOf(patients)),
    records.map(({ kinds = [] }) => numbersOf(kinds)),
    ...(isNaming
      ? [records.map(({ subjects }) => (subjects === undefined ? null : JSON.stringify(subjects.map(storable))))]
      : []),
  ]
  const outcomes = records.map(({ outcome }) => outcome)
  await connection.later(sql.fragment`
    INSERT INTO audit_record (epoch, ${names}, patients, kinds, outcome)
    SELECT (SELECT max(epoch) FROM audit_epoch), ${names}, ${isNaming ? withNamed : sql.fragment`patients::integer[]`}, kinds::integer[], outcome
    FROM unnest(${sql.join(
      columns.map(column => sql.array(column, 'text')),
      sql.fragment`, `,
    )}, ${sql.array(outcomes, 'int2')}) AS record(${names}, patients, kinds, ${isNaming ? sql.fragment`subjects,` : sql.fragment``} outcome)`)
}

const withNamed = sql.fragment`CASE WHEN subjects IS NULL THEN patients::integer[] ELSE ARRAY(
  SELECT unnest(patients::integer[])
  UNION SELECT patient_id FROM patient_compartment WHERE id IN (SELECT json_array_elements_text(subjects::json))) END`

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

/** No text of PostgreSQL's has the character U+0000, and what somebody asks with it is recorded as well. */
const storable = (text: string | undefined): string | null => text?.replaceAll('\0', '\ufffd') ?? null

const numbersOf = (numbers: Iterable<number>): string => `{${[...numbers].filter(one => one !== 0).join(',')}}`
