import type { Interval } from '../../fhir/date.ts'
import type { Connection } from '../database.ts'
import { compartmentOf } from '../model/reference.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** What a Consent permits its grantee to read, now or from a later day on. */
export type OpenPermit = {
  /** The id of the Consent. */
  readonly consent: string
  readonly kind: string
  /** Id of the source Device; undefined if from any source. */
  readonly source: string | undefined
  readonly data: Interval
  /** `low` is `-infinity` if it has begun. */
  readonly valid: Interval
  /** Set if the Consent has ended: then what was stored before that stays readable. */
  readonly storedBefore: string | undefined
}

/** Those of all Consents of a patient, from the same rows that every read uses, whichever of the grantee's people reads. */
export const openPermitsOf = (connection: Connection, patient: string): Promise<readonly OpenPermit[]> =>
  openPermits(connection, sql.fragment`given.patient_id = ${compartmentOf(patient)}`)

/** Those of some Consents, by which something can be read now. `patientIds`: the compartments of their patients. */
export const openPermitsBy = (
  connection: Connection,
  { patientIds, consents }: { readonly patientIds: readonly number[]; readonly consents: readonly string[] },
): Promise<readonly OpenPermit[]> =>
  openPermits(
    connection,
    sql.fragment`given.patient_id = ANY(${sql.array([...patientIds], 'int4')}) AND given.consent_id = ANY(${sql.array([...consents], 'text')})
      AND given.valid_from <= now()`,
  )

const openPermits = async (connection: Connection, of: SqlFragment): Promise<readonly OpenPermit[]> => {
  const rows = await connection.any<Row>(sql.fragment`
    SELECT given.consent_id AS consent, kind.key AS kind, device_source.id AS source,
      ${textOf(sql.fragment`given.data_start`)} AS data_start, ${textOf(sql.fragment`given.data_end`)} AS data_end,
      ${textOf(sql.fragment`min(CASE WHEN given.valid_from <= now() THEN '-infinity' ELSE given.valid_from END)`)} AS valid_from,
      ${textOf(sql.fragment`max(given.valid_to)`)} AS valid_to, ${textOf(sql.fragment`given.stored_before`)} AS stored_before
    FROM study_group_observation_consents AS given
    JOIN kind USING (kind_id)
    LEFT JOIN device_source USING (device_id)
    WHERE ${of} AND given.consented AND now() < given.valid_to
      AND given.data_start < given.data_end
    GROUP BY given.consent_id, kind.key, device_source.id, given.data_start, given.data_end, given.stored_before
    ORDER BY given.consent_id, min(given.kind_id), device_source.id, given.data_start`)
  return rows.map(({ consent, kind, source, data_start, data_end, valid_from, valid_to, stored_before }) => ({
    consent,
    kind,
    source: source ?? undefined,
    data: { low: data_start, high: data_end },
    valid: { low: valid_from, high: valid_to },
    storedBefore: stored_before === 'infinity' ? undefined : stored_before,
  }))
}

type Row = {
  readonly consent: string
  readonly kind: string
  readonly source: string | null
  readonly data_start: string
  readonly data_end: string
  readonly valid_from: string
  readonly valid_to: string
  readonly stored_before: string
}

/** In UTC, as in an Interval. */
const textOf = (time: SqlFragment): SqlFragment => sql.fragment`(
  CASE WHEN isfinite(${time}) THEN to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') ELSE (${time})::text END)`
