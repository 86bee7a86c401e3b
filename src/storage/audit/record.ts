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

/** One statement for all of them. */
export const insertRecords = async (connection: Connection, records: readonly AuditRecord[]): Promise<void> => {
  await connection.run(sql.fragment`
    INSERT INTO audit_record (epoch, request, person, practitioner, patient, client, study, interaction, operation, type,
      resource, patients, kinds, query, outcome)
    SELECT (SELECT max(epoch) FROM audit_epoch), request, person, practitioner, patient, client, study, interaction, operation, type,
      resource, CASE WHEN subjects IS NULL THEN patients ELSE ARRAY(
        SELECT unnest(patients) UNION SELECT patient_id FROM patient_compartment WHERE id = ANY(subjects)) END,
      kinds, query, outcome
    FROM json_to_recordset(${jsonOf(records)}::json) AS record(request text, person text, practitioner text, patient text,
      client text, study text, interaction text, operation text, type text, resource text, patients integer[], subjects text[],
      kinds integer[], query text, outcome smallint)`)
}

/** No text of PostgreSQL's has the character U+0000, and what somebody asks with it is recorded as well. */
const jsonOf = (records: readonly AuditRecord[]): string =>
  JSON.stringify(records.map(toRow)).replaceAll(String.raw`\u0000`, String.raw`\ufffd`)

const toRow = ({ patients, kinds = [], ...record }: AuditRecord) => ({
  ...record,
  patients: [...patients].filter(one => one !== 0),
  kinds: [...kinds].filter(one => one !== 0),
})
