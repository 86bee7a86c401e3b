import type { Consent } from '@medplum/fhirtypes'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import type { Projected } from '../projection.ts'
import { saysEndedByJoining } from './left-consents.ts'
import { isUnread } from './unread-consents.ts'

/** The last active version before the current one, when it ended, and whether a joining of records ended it for good. */
export type Given = { readonly consent: Consent; readonly until: Date; readonly isEndedByJoining: boolean }

/** Called once the current version is in its table, and the ones before are in the history. */
export const findGiven = (
  connection: Connection,
  { patientId, pk }: Pick<Projected<Consent>, 'patientId' | 'pk'>,
): Promise<Given | undefined> =>
  connection.maybeOne<Given>(sql.fragment`
    SELECT given.content AS consent, later.until, later."isEndedByJoining"
    FROM consent_history AS given
    CROSS JOIN LATERAL (
      SELECT min(version.last_updated) AS until,
        coalesce(bool_or(${saysEndedByJoining(sql.fragment`version.content`)}), FALSE) AS "isEndedByJoining"
      FROM (
        SELECT version, last_updated, content FROM consent WHERE patient_id = ${patientId} AND pk = ${pk}
        UNION ALL
        SELECT version, last_updated, content FROM consent_history WHERE patient_id = ${patientId} AND pk = ${pk}
      ) AS version
      WHERE version.version > given.version) AS later
    WHERE given.patient_id = ${patientId} AND given.pk = ${pk} AND given.content ->> 'status' = 'active'
      AND NOT ${isUnread(sql.fragment`given.content ->> 'id'`, sql.fragment`given.version`)}
    ORDER BY given.version DESC LIMIT 1`)
