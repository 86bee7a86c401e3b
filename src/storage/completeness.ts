import { type Access, restrict } from '../access/access.ts'
import type { CodeClasses } from '../fhir/code-class.ts'
import type { Expression } from '../search/expression.ts'
import { compile } from './compile.ts'
import type { Connection } from './database.ts'
import { storedRow } from './row.ts'
import { sql } from './sql.ts'

export type CompletenessAsked = {
  readonly where: Expression
  /** Ids of Patients. */
  readonly patients: readonly string[]
  /** Days of the time zone; both are in it. */
  readonly first: string
  readonly last: string
  readonly timezone: string
  /** No day counts more than so many readings, however many there are. */
  readonly most: number
}

/** A day of a Patient with a reading that began on it. */
export type CompletenessRow = { readonly patient: string; readonly day: string; readonly count: number }

/**
 * How many Observations that the caller may search began on each day: a look into the index for each patient and day, which
 * ends at the most that is counted.
 */
export const readCompleteness = (
  connection: Connection,
  { access, classes }: { readonly access: Access; readonly classes: CodeClasses },
  { where, patients, first, last, timezone, most }: CompletenessAsked,
): Promise<readonly CompletenessRow[]> => {
  const row = storedRow('Observation', 'row')
  return connection.any<CompletenessRow>(sql.fragment`
    SELECT patient.id AS patient, to_char(day, 'YYYY-MM-DD') AS day, counted.count::integer AS count
    FROM patient_compartment AS patient
    CROSS JOIN generate_series(${first}::date::timestamp, ${last}::date::timestamp, interval '1 day') AS day
    CROSS JOIN LATERAL (
      SELECT count(*) FROM (
        SELECT FROM observation AS row
        WHERE row.patient_id = patient.patient_id AND row.effective_start >= day AT TIME ZONE ${timezone}
          AND row.effective_start < (day + interval '1 day') AT TIME ZONE ${timezone}
          AND ${compile(restrict(access, 's', 'Observation', where), row, classes)}
        LIMIT ${most}) AS reading) AS counted
    WHERE patient.id = ANY(${sql.array([...patients], 'text')}) AND counted.count > 0
    ORDER BY patient.id, day`)
}
