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

/** One statement for all of them, a column each: a third less work than one JSON text of records. */
export const insertRecords = async (connection: Connection, records: readonly AuditRecord[]): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO audit_record (epoch, ${sql.join(names, sql.fragment`, `)}, patients, kinds, outcome)
    SELECT (SELECT max(epoch) FROM audit_epoch), ${sql.join(names, sql.fragment`, `)},
      CASE WHEN subjects IS NULL THEN patients::integer[] ELSE ARRAY(
        SELECT unnest(patients::integer[])
        UNION SELECT patient_id FROM patient_compartment WHERE id IN (SELECT json_array_elements_text(subjects::json))) END,
      kinds::integer[], outcome
    FROM unnest(${sql.join(
      [
        ...texts.map(name =>
          sql.array(
            records.map(record => storable(record[name])),
            'text',
          ),
        ),
        sql.array(
          records.map(({ patients }) => numbersOf(patients)),
          'text',
        ),
        sql.array(
          records.map(({ kinds = [] }) => numbersOf(kinds)),
          'text',
        ),
        sql.array(
          records.map(({ subjects }) => (subjects === undefined ? null : JSON.stringify(subjects.map(storable)))),
          'text',
        ),
        sql.array(
          records.map(({ outcome }) => outcome),
          'int2',
        ),
      ],
      sql.fragment`, `,
    )}) AS record(${sql.join(names, sql.fragment`, `)}, patients, kinds, subjects, outcome)`)
}

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
const names = texts.map(name => sql.identifier([name]))

/** No text of PostgreSQL's has the character U+0000, and what somebody asks with it is recorded as well. */
const storable = (text: string | undefined): string | null => text?.replaceAll('\0', '\ufffd') ?? null

const numbersOf = (numbers: Iterable<number>): string => `{${[...numbers].filter(one => one !== 0).join(',')}}`
