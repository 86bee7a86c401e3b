import type { Connection } from '../database.ts'
import { type SqlFragment, sql, storable } from '../sql.ts'
import type { KindsOf } from './kinds-of-each.ts'

/** Who did it, by ids, and in which request. */
export type AuditAgent = {
  readonly person?: string
  readonly practitioner?: string
  /** The Patient as whom they act, if they act as a patient. */
  readonly patient?: string
  readonly client?: string
  /** The ResearchStudy to which their token is narrowed. */
  readonly study?: string
  readonly request?: string
  /** The operation in which it was done: `$everything`. */
  readonly operation?: string
}

/** What was done, or tried. */
export type AuditAccess = {
  /** FHIR's code (https://hl7.org/fhir/R4/valueset-restful-interaction.html), or one of ours: `sign-in`. */
  readonly interaction: string
  /** Types, separated by blanks. */
  readonly type?: string | undefined
  /** Id of the single resource that was asked for or written. */
  readonly resource?: string
  /** Numbers of the compartments of which something was answered or written. */
  readonly patients: Iterable<number>
  /** Ids of further Patients whom it is about. */
  readonly subjects?: readonly string[]
  /** Numbers of the kinds of its Observations. */
  readonly kinds?: Iterable<number>
  /** If there are several patients whose Observations did not all have all these kinds: the kinds of each. */
  readonly kindsOf?: KindsOf
  /** The search as it was asked, without values that identify somebody. */
  readonly query?: string | undefined
  /** An HTTP status. */
  readonly outcome: number
}

export type AuditRecord = AuditAgent & AuditAccess

/**
 * All in one statement with one value, so that it is neither composed nor planned anew. Only if a record has `subjects`, which most have not, another
 * statement is used, which looks them up: just preparing that takes a fifth of the time.
 */
export const insertRecords = (connection: Connection, records: readonly AuditRecord[]): Promise<void> => {
  const inserted = JSON.stringify(records.map(rowOf))
  const named = records.some(({ subjects }) => subjects !== undefined) ? byNumber : asTheyAre
  return connection.later(sql.fragment`
    INSERT INTO audit_record (epoch, ${names}, patients, kinds, outcome, kinds_of)
    SELECT (SELECT max(epoch) FROM audit_epoch), ${names}, own.patients, kinds, outcome, ${named.kindsOf}
    FROM json_to_recordset(${inserted}::json) AS ${named.rows}`)
}

/** A question with characters that PostgreSQL's texts cannot contain is recorded as well. */
const rowOf = ({ patients, kinds = [], subjects, outcome, kindsOf, ...record }: AuditRecord) => ({
  ...Object.fromEntries(texts.map(name => [name, record[name] && storable(record[name])])),
  patients: numbersOf(patients),
  kinds: numbersOf(kinds),
  outcome,
  subjects: subjects?.map(storable),
  kinds_of: kindsOf && objectOf(kindsOf),
})

const objectOf = (kindsOf: KindsOf) =>
  Object.fromEntries([...kindsOf].map(([patient, kinds]) => [storable(`${patient}`), [...kinds]]))

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
const listed = (fragments: readonly SqlFragment[]) => sql.join(fragments, sql.fragment`, `)
const names = listed(texts.map(name => sql.fragment`${sql.identifier([name])}`))
const columns = listed([
  ...texts.map(name => sql.fragment`${sql.identifier([name])} text`),
  sql.fragment`patients integer[], kinds integer[], outcome smallint, subjects text[], kinds_of jsonb`,
])

const asTheyAre = { kindsOf: sql.fragment`kinds_of`, rows: sql.fragment`own(${columns})` }

const byNumber = {
  kindsOf: sql.fragment`CASE WHEN kinds_of IS NULL OR subjects IS NULL THEN kinds_of ELSE audit_kinds_by_number(kinds_of, own.patients, kinds) END`,
  rows: sql.fragment`record(${columns})
    CROSS JOIN LATERAL (
      SELECT CASE WHEN subjects IS NULL THEN patients ELSE ARRAY(
        SELECT unnest(patients)
        UNION SELECT patient_id FROM patient_compartment WHERE id = ANY(subjects)) END AS patients) AS own`,
}

const numbersOf = (numbers: Iterable<number>): readonly number[] => [...numbers].filter(one => one !== 0)
