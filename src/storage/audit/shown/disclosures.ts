import type { Connection } from '../../database.ts'
import { type SqlFragment, sql } from '../../sql.ts'

/** One occasion on which somebody got, or wrote, something of a patient's. */
export type Disclosure = {
  readonly recorded: Date
  /** The name that they had then, or else their id; null if a client acted for itself. */
  readonly who: string | null
  readonly practitioner: string | null
  readonly client: string | null
  /** The organization whose privacy officers were told. */
  readonly organization: string | null
  /** Ids: the study to which the token was narrowed, or else those for which the patient's consents are. */
  readonly studies: readonly string[]
  /** The patient's Consents that let them see it, each as a reference to the version that was in force. */
  readonly consents: readonly string[]
  readonly interaction: string
  readonly type: string | null
  readonly kinds: readonly string[]
  readonly query: string | null
  readonly outcome: number
}

type Asked = {
  /** Id of the Patient. */
  readonly patient: string
  /** Instants; the first is included, the last is not. */
  readonly since?: Date
  readonly until?: Date
}

/**
 * Whatever others got or wrote of a patient's data, newest first, as far as it is sealed: the accounting of disclosures that
 * https://www.ecfr.gov/current/title-45/section-164.528 requires, and more. What was done as the patient is left out, even through an app of theirs:
 * "except for disclosures […] to individuals of protected health information about them".
 */
export const readDisclosures = async (connection: Connection, asked: Asked): Promise<readonly Disclosure[]> => {
  const found: Disclosure[] = []
  for (let last: Position | undefined; ; ) {
    const rows = await connection.any<Row>(page(asked, last))
    found.push(...rows.map(({ at: _, id: __, ...one }) => one))
    const end = rows.at(-1)
    if (end === undefined || rows.length < mostAtOnce) return found
    last = end
  }
}

/** There may be any number, and a statement takes only so long. */
const mostAtOnce = 1000

type Position = { readonly at: string; readonly id: string }
type Row = Disclosure & Position

const page = ({ patient, since, until }: Asked, last: Position | undefined): SqlFragment => sql.fragment`
  SELECT entry.recorded::text AS at, entry.id::text AS id,
    entry.recorded, coalesce(staff.name, entry.practitioner, entry.person) AS who,
    entry.practitioner, coalesce(client.name, entry.client) AS client,
    coalesce(shown.owner, (
      SELECT whole.owner FROM audit_shown AS whole
      WHERE whole.patient_id = 0 AND whole.recorded = shown.recorded AND whole.record = shown.record)) AS organization,
    CASE WHEN entry.study IS NULL THEN allowing.studies ELSE ARRAY[entry.study] END AS studies, allowing.consents,
    entry.interaction, entry.type,
    ARRAY(SELECT key FROM kind
      WHERE kind_id = ANY((SELECT audit_kinds_shown(entry, ARRAY[shown.patient], NULL))::integer[]) ORDER BY key) AS kinds, entry.query, entry.outcome
  FROM (
    SELECT DISTINCT ON (shown.recorded, shown.record) shown.recorded, shown.record, shown.owner, ${patient}::text AS patient
    FROM audit_shown AS shown JOIN audit_record AS entry ON entry.id = shown.record
    WHERE shown.patient_id = (SELECT patient_id FROM patient_compartment WHERE id = ${patient})
      AND entry.interaction <> 'sign-in'
      AND (entry.patient IS NULL OR NOT EXISTS (
        SELECT FROM patient_compartment AS acting
        WHERE acting.id = entry.patient AND acting.patient_id = shown.patient_id))
      AND shown.recorded >= ${since?.toISOString() ?? '-infinity'}::timestamptz
      AND shown.recorded < ${until?.toISOString() ?? 'infinity'}::timestamptz
      AND ${last === undefined ? sql.fragment`TRUE` : sql.fragment`(shown.recorded, shown.record) < (${last.at}::timestamptz, ${last.id}::bigint)`}
    ORDER BY shown.recorded DESC, shown.record DESC LIMIT ${mostAtOnce}) AS shown
  JOIN audit_record AS entry ON entry.id = shown.record
  CROSS JOIN LATERAL (
    SELECT coalesce(array_agg('Consent/' || noted.consent || '/_history/' || noted.version ORDER BY noted.consent, noted.version), '{}') AS consents,
      coalesce(array_agg(DISTINCT split_part(noted.given_to, '/', 2)) FILTER (WHERE noted.given_to LIKE 'ResearchStudy/%'), '{}') AS studies
    FROM audit_consents_shown(entry.id, ARRAY[shown.patient], NULL) AS noted) AS allowing
  LEFT JOIN LATERAL audit_client(entry.client, entry.recorded) AS client ON TRUE
  LEFT JOIN LATERAL audit_practitioner(entry.practitioner, entry.recorded) AS staff ON TRUE
  ORDER BY entry.recorded DESC, entry.id DESC`

/** Whether there is, or was, a Patient with the id. */
export const isPatientKnown = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM patient_compartment WHERE id = ${id}`)) !== undefined
